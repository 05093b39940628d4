/**
 * Lines on their way to a file descriptor. They are gathered, so that an access log costs few system calls, and written in the
 * background, one piece at a time and in order. Invariant: whoever writes a line never waits, and the process always ends, whatever
 * becomes of the descriptor: what a full disk refuses is kept until there is room, up to a bound; what nobody reads any more is lost.
 * Whoever looks at stderr is told once that it began, and once that it is over.
 */

import { write, writeSync } from 'node:fs';
import { writeError } from './process.ts';

export interface LogStreamOptions {
  readonly fd: number;
  /** Lines are gathered up to so many characters, but no longer than FLUSH_MS. */
  readonly gather: number;
  /**
   * Others write to a pipe or socket of theirs and ours: pieces stay so small that the kernel takes them as a whole. It must not
   * block, as Node.js sees to for stdout.
   */
  readonly isShared: boolean;
}

/** Most that goes into one system call, in characters, unless a single line is longer. One call is made per turn of the event loop. */
const PIECE = 262_144;
/** A pipe takes this much in one piece, or nothing (PIPE_BUF) ... */
const SHARED_PIECE = 4_096;
/** ... so more of them go within one turn, or a busy process would have more to say than it can. */
const SHARED_PIECES_PER_TURN = 32;

const FLUSH_MS = 500;
/** Until a descriptor that refused is tried again; also when it was merely full. */
const RETRY_MS = 200;
const SHORT_RETRY_MS = 10;
/** More than this is dropped when it cannot be written, in characters. */
const MAX_QUEUED = 16 * 1_024 * 1_024;
/** The end of the process waits so long for a reader that does not read. */
const LAST_WRITE_MS = 500;

export class LogStream {
  private readonly options: LogStreamOptions;
  /** Full pieces, oldest first. */
  private readonly pieces: string[] = [];
  /** Lines after the last full piece. */
  private gathered = '';
  private queued = 0;
  /** What is left of the piece that is being written. */
  private current: Buffer | null = null;
  private isWriting = false;
  private timer: NodeJS.Timeout | null = null;
  /** The last write failed: the next waits for the timer, however much there is. */
  private isRefused = false;
  /** stderr has been told. */
  private isFailing = false;
  /** Nobody reads any more: nothing that comes is of use. */
  private isClosed = false;
  private dropped = 0;
  /** Lines lost since the start. */
  droppedTotal = 0;

  constructor(options: LogStreamOptions) {
    this.options = options;
  }

  /** @param line with its line end */
  write(line: string): void {
    if (this.isClosed) {
      this.droppedTotal++;
      return;
    }
    if (this.queued + line.length > MAX_QUEUED) {
      this.dropped++;
      this.droppedTotal++;
      this.complain('nobody reads it');
      return;
    }
    this.queued += line.length;
    const { gather, isShared } = this.options;
    const piece = isShared ? SHARED_PIECE : PIECE;
    if (this.gathered !== '' && this.gathered.length + line.length > piece) {
      this.pieces.push(this.gathered);
      this.gathered = line;
    } else {
      this.gathered += line;
    }
    if (this.queued >= gather && !this.isRefused) this.writeNext();
    else this.wakeIn(FLUSH_MS);
  }

  /** Writes what is there, as far as that goes without delay: for the end of the process. */
  flush(): void {
    const endMs = performance.now() + LAST_WRITE_MS;
    // What is under way in the background gets there by itself.
    if (this.isWriting) this.current = null;
    while (!this.isClosed && this.take()) {
      const bytes = this.current as unknown as Buffer;
      try {
        this.current = after(bytes, writeSync(this.options.fd, bytes));
      } catch (error) {
        const isFull = (error as NodeJS.ErrnoException).code === 'EAGAIN';
        if (!isFull || performance.now() > endMs) {
          this.fail(error as NodeJS.ErrnoException);
          return;
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SHORT_RETRY_MS);
      }
    }
  }

  private writeNext(): void {
    if (this.isWriting || !this.take()) return;
    this.isWriting = true;
    const bytes = this.current as unknown as Buffer;
    write(this.options.fd, bytes, 0, bytes.length, null, (error, written) => {
      this.isWriting = false;
      // flush() has begun anew.
      if (this.current !== bytes) return;
      if (error !== null) {
        this.fail(error);
        return;
      }
      this.current = after(bytes, written);
      this.recover();
      if (this.options.isShared && !this.writeMore()) return;
      if (this.current !== null || this.queued >= this.options.gather) this.writeNext();
      else if (this.queued > 0) this.wakeIn(FLUSH_MS);
    });
  }

  /** Some of what waits, at once; false = it was refused. */
  private writeMore(): boolean {
    for (let i = 0; i < SHARED_PIECES_PER_TURN && this.queued >= this.options.gather && this.take(); i++) {
      const bytes = this.current as unknown as Buffer;
      try {
        this.current = after(bytes, writeSync(this.options.fd, bytes));
      } catch (error) {
        this.fail(error as NodeJS.ErrnoException);
        return false;
      }
    }
    return true;
  }

  /** Whether there is something to write, in `current` then. */
  private take(): boolean {
    if (this.current !== null) return true;
    let next = this.pieces.shift();
    if (next === undefined) {
      next = this.gathered;
      this.gathered = '';
    }
    if (next === '') return false;
    this.queued -= next.length;
    this.current = Buffer.from(next);
    return true;
  }

  private fail(error: NodeJS.ErrnoException): void {
    this.isRefused = true;
    if (error.code === 'EPIPE') {
      this.isClosed = true;
      this.pieces.length = 0;
      this.gathered = '';
      this.current = null;
    } else {
      this.wakeIn(RETRY_MS);
    }
    if (error.code !== 'EAGAIN') this.complain(error.code ?? error.message);
  }

  private complain(reason: string): void {
    if (this.isFailing) return;
    this.isFailing = true;
    writeError(`pulsegate: the log cannot be written (${reason}); serving goes on\n`);
  }

  private recover(): void {
    this.isRefused = false;
    if (!this.isFailing || this.queued > MAX_QUEUED / 2) return;
    writeError(`pulsegate: the log is written again; ${this.dropped} lines were lost\n`);
    this.isFailing = false;
    this.dropped = 0;
  }

  private wakeIn(ms: number): void {
    if (this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.writeNext();
    }, ms);
    this.timer.unref();
  }
}

/** What of `bytes` is left to write; null = nothing. */
function after(bytes: Buffer, written: number): Buffer | null {
  return written < bytes.length ? bytes.subarray(written) : null;
}
