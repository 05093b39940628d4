/** What the system says of this process: CPU, memory, open files. Linux tells more than others do. */

import { readdir } from 'node:fs/promises';
import { openFilesLimit } from './open-files.ts';

export interface ProcessReading {
  /** User and system. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** null = this system does not tell. */
  readonly openDescriptors: number | null;
  readonly maxDescriptors: number | null;
}

/** Seconds since the Unix epoch. */
export const processStartSeconds: number = Math.round(performance.timeOrigin) / 1_000;

export const nodeVersion: string = process.version;

/** Asks in the background what takes long: a busy proxy has tens of thousands of open files to be listed. */
export async function readProcess(): Promise<ProcessReading> {
  const openDescriptors = await countOpenFiles();
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    openDescriptors,
    maxDescriptors: openFilesLimit(),
  };
}

async function countOpenFiles(): Promise<number | null> {
  try {
    return (await readdir('/proc/self/fd')).length;
  } catch {
    return null; // not Linux
  }
}
