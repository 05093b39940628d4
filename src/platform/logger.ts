/**
 * The log: JSON lines on stdout, or readable text when a person is watching. Invariant: a log that cannot be written costs lines, at
 * most; whoever looks at stderr is told once that it began, and once that it is over.
 */

import { type DestinationStream, destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { LogLevel } from '../model/settings.ts';
import { writeError } from './process.ts';

/** Lines are gathered up to this many bytes, at most for FLUSH_MS, so that an access log costs few system calls. */
const GATHER_BYTES = 4_096;
const FLUSH_MS = 500;

/** A pipe takes this much in one piece, or nothing (PIPE_BUF). */
const ATOMIC_BYTES = 4_096;

/** When stdout does not drain, lines beyond this are dropped: serving goes on. */
const MAX_QUEUED_BYTES = 16 * 1_024 * 1_024;

export interface OpenLog {
  readonly log: Logger;
  /** Writes out what is gathered. */
  flush(): void;
}

/**
 * @param format `auto`: pretty when stdout is a terminal
 * @param isShared other processes write to the same stdout: lines up to 4 KiB stay whole, as the kernel writes so much at once
 */
export function openLog(level: LogLevel, format: 'auto' | 'json' | 'pretty', { isShared = false } = {}): OpenLog {
  if (format === 'pretty' || (format === 'auto' && process.stdout.isTTY)) {
    const stream = pretty({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', sync: true });
    return { log: pino({ level, base: null }, stream), flush: () => {} };
  }
  const stream = destination({
    dest: 1,
    sync: false,
    minLength: isShared ? GATHER_BYTES / 2 : GATHER_BYTES,
    ...(isShared ? { maxWrite: ATOMIC_BYTES } : {}),
    maxLength: MAX_QUEUED_BYTES,
    periodicFlush: FLUSH_MS,
  });
  complainOnce(stream);
  return { log: pino({ level, base: null }, stream as DestinationStream), flush: () => flushQuietly(stream) };
}

/** A closed pipe or a full disk must not end the proxy. What could not be written is kept and tried again, within MAX_QUEUED_BYTES. */
function complainOnce(stream: ReturnType<typeof destination>): void {
  let isFailing = false;
  let dropped = 0;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (isFailing) return;
    isFailing = true;
    writeError(`pulsegate: the log cannot be written (${error.code ?? error.message}); serving goes on\n`);
  });
  stream.on('drop', () => {
    dropped++;
  });
  stream.on('write', () => {
    if (!isFailing) return;
    writeError(`pulsegate: the log is written again; ${dropped} lines were lost\n`);
    isFailing = false;
    dropped = 0;
  });
}

function flushQuietly(stream: { flushSync(): void }): void {
  try {
    stream.flushSync();
  } catch {
    // Nothing was opened yet, or nobody reads any more: there is nobody left to tell.
  }
}
