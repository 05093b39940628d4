/** How many files this process may have open: sockets are files, too. */

import { readFileSync } from 'node:fs';

/** The soft limit, which Node.js raises to the hard one when it starts; null where it cannot be told. */
export function openFilesLimit(): number | null {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null; // not Linux
  }
}
