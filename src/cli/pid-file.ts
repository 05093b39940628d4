/** The file that says which process serves, for service managers. A hand-over writes the new one's before the old one ends. */

import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { pid } from 'node:process';
import { StartError } from '../model/errors.ts';

/** Readers see one number or the other, never half of one. Throws StartError when it cannot be written. */
export function writePidFile(path: string): void {
  try {
    writeFileSync(`${path}.${pid}`, `${pid}\n`);
    renameSync(`${path}.${pid}`, path);
  } catch (error) {
    throw new StartError(`Cannot write the pid file ${path}: ${(error as NodeJS.ErrnoException).code}.`);
  }
}

/** Unless another process has written its own meanwhile. */
export function removePidFile(path: string): void {
  try {
    if (readFileSync(path, 'utf8').trim() === String(pid)) unlinkSync(path);
  } catch {
    // Somebody else has removed it.
  }
}
