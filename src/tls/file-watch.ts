/**
 * Files that may be renewed while we run: certificates, keys, authorities. Looked at every few seconds and on demand; what
 * is found is taken over only if it is of use, so that a missing, half-written or mismatched file costs nothing but a line
 * in the log. Invariant: once opened, a set of files always has a value, and it is the last good one.
 */

import { readFile, stat } from 'node:fs/promises';
import type { Clock, Timer } from '../base/time.ts';
import { StartError } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import type { PemFile, Reading } from './certificate.ts';

const INTERVAL_MS = 5_000;

/** Files that only make sense together. */
export interface FileSet<T> {
  /** What they are, for the log: `certificate of listener public`. */
  readonly what: string;
  readonly paths: readonly string[];
  /** Judges their contents, which are in the order of `paths`. */
  read(files: readonly PemFile[]): Reading<T>;
}

/** Files in use. */
export interface Watched<T> {
  /** The last good reading. */
  readonly value: T;
  /** Called after `value` has become another. */
  onChange: () => void;
  /** Looks at them no more; `value` stays. */
  close(): void;
}

export interface FileWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Between two looks; milliseconds, default 5000. */
  readonly intervalMs?: number;
}

export class FileWatch {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly intervalMs: number;
  private entries: readonly Entry<unknown>[] = [];
  private timer: Timer | null = null;
  private isClosed = false;
  /** Looks happen one after another. */
  private turn: Promise<void> = Promise.resolve();

  constructor({ clock, log, intervalMs = INTERVAL_MS }: FileWatchOptions) {
    this.clock = clock;
    this.log = log;
    this.intervalMs = intervalMs;
  }

  /** Rejects with StartError, which names the file and what is wrong with it, when the files are of no use now. */
  async open<T>(set: FileSet<T>): Promise<Watched<T>> {
    const entry: Entry<T> = new Entry(set, this.log, () => {
      this.entries = this.entries.filter((other) => other !== entry);
    });
    await entry.look();
    if (entry.problem !== null) throw new StartError(`Cannot use the ${set.what}: ${entry.problem}.`);
    this.entries = [...this.entries, entry as Entry<unknown>];
    if (this.timer === null) this.schedule();
    return entry as Entry<T> & { readonly value: T };
  }

  /** Looks now. Resolves with what is wrong, a sentence for each set of files whose present content is of no use. */
  async reload(): Promise<string[]> {
    await this.look();
    return this.entries.flatMap(({ problem }) => problem ?? []);
  }

  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
  }

  private look(): Promise<void> {
    this.turn = this.turn.then(async () => {
      for (const entry of this.entries) {
        if (this.isClosed) return;
        try {
          await entry.look();
        } catch (error) {
          // Looking goes on, whatever a reader or a user of these files did.
          this.log.error({ err: error }, 'renewed files were not taken over, a bug of ours');
        }
      }
    });
    return this.turn;
  }

  private schedule(): void {
    if (this.isClosed) return;
    this.timer = this.clock.at(this.clock.now() + this.intervalMs, () => {
      void this.look().then(() => this.schedule());
    });
  }
}

class Entry<T> implements Watched<T | null> {
  value: T | null = null;
  /** What is wrong with the files as they are now; null when `value` came from them. */
  problem: string | null = null;
  onChange = (): void => {};
  readonly close: () => void;
  /** The log has `problem`. */
  private isTold = false;
  private readonly set: FileSet<T>;
  private readonly log: Log;
  /** Of the files as last read. */
  private signature = '';
  private files: readonly PemFile[] = [];

  constructor(set: FileSet<T>, log: Log, close: () => void) {
    this.set = set;
    this.log = log;
    this.close = close;
  }

  async look(): Promise<void> {
    const signature = await this.sign();
    // What was of no use may be so by now without a change: a certificate becomes valid.
    if (signature === this.signature && this.problem === null) return;
    const found = await this.readFiles();
    if (typeof found === 'string') {
      this.reject(found);
      return;
    }
    if ((await this.sign()) !== signature) {
      // Somebody is writing them: the next look finds them whole.
      if (this.value === null) this.reject(`${this.set.paths.join(' and ')} changed while being read`);
      return;
    }
    this.signature = signature;
    const isSame = found.every(({ content }, index) => this.files[index]?.content.equals(content));
    if (isSame && this.value !== null) {
      this.problem = null;
      return;
    }
    const reading = this.set.read(found);
    if (reading.ok) this.accept(reading.value, reading.summary, found);
    else this.reject(reading.problem);
  }

  private accept(value: T, summary: string, files: readonly PemFile[]): void {
    const isFirst = this.value === null;
    this.value = value;
    this.files = files;
    this.problem = null;
    if (isFirst) return;
    this.log.info({ files: this.set.paths }, `${this.set.what} renewed: ${summary}`);
    this.onChange();
  }

  /**
   * Told once, and only when it is still so at the next look: whoever renews a certificate and its key writes one before
   * the other.
   */
  private reject(problem: string): void {
    const persists = problem === this.problem;
    if (!persists) this.isTold = false;
    this.problem = problem;
    if (this.value === null || !persists || this.isTold) return;
    this.isTold = true;
    this.log.error(
      { files: this.set.paths },
      `${this.set.what} not renewed, the last good one stays in use: ${problem}`,
    );
  }

  /** Changes whenever a file is written, replaced or linked to another. */
  private async sign(): Promise<string> {
    const marks = this.set.paths.map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
        return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
      } catch {
        return 'missing';
      }
    });
    return (await Promise.all(marks)).join(' ');
  }

  private async readFiles(): Promise<PemFile[] | string> {
    const files: PemFile[] = [];
    for (const path of this.set.paths) {
      try {
        files.push({ path, content: await readFile(path) });
      } catch (error) {
        return `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`;
      }
    }
    return files;
  }
}
