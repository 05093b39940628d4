/** The log: JSON lines on stdout, or readable text when a person is watching. */

import { type DestinationStream, destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { LogLevel } from '../model/settings.ts';

/** Lines are gathered up to this many bytes, at most for FLUSH_MS, so that an access log costs few system calls. */
const GATHER_BYTES = 4_096;
const FLUSH_MS = 500;

/** When stdout does not drain, lines beyond this are dropped: serving goes on. */
const MAX_QUEUED_BYTES = 16 * 1_024 * 1_024;

export interface OpenLog {
  readonly log: Logger;
  /** Writes out what is gathered. */
  flush(): void;
}

/** @param format `auto`: pretty when stdout is a terminal */
export function openLog(level: LogLevel, format: 'auto' | 'json' | 'pretty'): OpenLog {
  if (format === 'pretty' || (format === 'auto' && process.stdout.isTTY)) {
    const stream = pretty({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', sync: true });
    return { log: pino({ level, base: null }, stream), flush: () => {} };
  }
  const stream = destination({
    dest: 1,
    sync: false,
    minLength: GATHER_BYTES,
    maxLength: MAX_QUEUED_BYTES,
    periodicFlush: FLUSH_MS,
  });
  // A closed pipe or a full disk loses lines; it must not end the proxy.
  stream.on('error', () => {});
  return { log: pino({ level, base: null }, stream as DestinationStream), flush: () => flushQuietly(stream) };
}

function flushQuietly(stream: { flushSync(): void }): void {
  try {
    stream.flushSync();
  } catch {
    // Nothing was opened yet, or nobody reads any more: there is nobody left to tell.
  }
}
