/** How many files this process may have open: sockets are files, too. */

import { numberOf } from './own-process.ts';

/** The soft limit, which Node.js raises to the hard one when it starts; null where it cannot be told. */
export function openFilesLimit(): number | null {
  return numberOf('limits', /^Max open files +(\d+)/m);
}
