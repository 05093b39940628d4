/** What Linux says of this process, in the text files of /proc/self. */

import { readFileSync } from 'node:fs';

/** The number that `pattern` finds in a file of /proc/self; null where there is none, or no such file. */
export function numberOf(file: 'limits' | 'status', pattern: RegExp): number | null {
  try {
    const [, digits] = pattern.exec(readFileSync(`/proc/self/${file}`, 'latin1')) ?? [];
    return digits === undefined ? null : Number(digits);
  } catch {
    return null; // not Linux
  }
}
