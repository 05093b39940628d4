/**
 * The log: JSON lines on stdout, or readable text when a person is watching. All logs of a process share one stream, whose last lines
 * are written when the process ends, however that comes about.
 */

import { fstatSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { LogLevel } from '../model/settings.ts';
import { LogStream } from './log-stream.ts';

const STDOUT = 1;

/** An access log should cost few system calls. */
const GATHER = 4_096;

let stdout: LogStream | null = null;

export interface OpenLog {
  readonly log: Logger;
  /** Writes out what is gathered. */
  flush(): void;
  /** Lines that were lost because nobody took them. */
  dropped(): number;
}

/**
 * @param format `auto`: pretty when stdout is a terminal
 * @param isShared other processes write to the same stdout: lines up to 4 KiB stay whole, as the kernel writes so much at once
 */
export function openLog(level: LogLevel, format: 'auto' | 'json' | 'pretty', { isShared = false } = {}): OpenLog {
  if (format === 'pretty' || (format === 'auto' && process.stdout.isTTY)) {
    const stream = pretty({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', sync: true });
    return { log: pino({ level, base: null }, stream), flush: () => {}, dropped: () => 0 };
  }
  const stream = stdoutStream(isShared);
  return { log: pino({ level, base: null }, stream), flush: () => stream.flush(), dropped: () => stream.droppedTotal };
}

function stdoutStream(isShared: boolean): LogStream {
  if (stdout !== null) return stdout;
  const stream = new LogStream({
    fd: STDOUT,
    gather: isShared ? GATHER / 2 : GATHER,
    // A file takes whatever comes as a whole.
    isShared: isShared && !fstatSync(STDOUT).isFile(),
  });
  process.on('exit', () => stream.flush());
  stdout = stream;
  return stream;
}
