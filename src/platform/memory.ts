/** How much of the memory that this process may use is in use. */

import { totalmem } from 'node:os';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { numberOf } from './own-process.ts';
import { processEnv } from './process.ts';

/** V8's own limit also holds its young generation, which is 1 to 5 % of it by default. */
const OLD_SHARE = 0.95;
/** Of the old generation: the rest is lost between objects. A heap of 64 MiB whose objects take 61 is full. */
const USABLE_SHARE = 0.95;
const OLD_SPACE_FLAG = /--max[-_]old[-_]space[-_]size[= ](\d+)/g;

/** What the container allows, or else what the machine has. */
const ALLOWED_BYTES = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());

/** What objects in V8's old generation may take, in bytes: beyond it the process dies. */
const HEAP_BYTES = USABLE_SHARE * oldSpaceLimit([processEnv.NODE_OPTIONS ?? '', ...process.execArgv].join(' '));

/** @param flags as Node.js was given them; of several the last one counts */
export function oldSpaceLimit(flags: string): number {
  const asked = [...flags.matchAll(OLD_SPACE_FLAG)].at(-1)?.[1];
  return asked === undefined ? getHeapStatistics().heap_size_limit * OLD_SHARE : Number(asked) * 2 ** 20;
}

/** Without what the system could read from files again, as the program itself: it drops that before it is out of memory. */
function anonymousBytes(): number {
  const kib = numberOf('status', /^RssAnon:\s+(\d+) kB$/m);
  return kib === null ? process.memoryUsage.rss() : kib * 1_024;
}

/**
 * The larger of two shares: V8's old generation of what it may grow to, and anonymous memory of what is allowed.
 * Garbage counts, but not for much: V8 collects when half of what the living leave free is used up, so at 95 % at least 90 % live.
 * @param processes that are as large as this one, and share what is allowed; >= 1
 * @returns 0 to 1; above 1 when the others are smaller than this one
 */
export function memoryUse(processes: number): number {
  let heapBytes = 0;
  for (const { space_name: name, space_used_size: used } of getHeapSpaceStatistics()) {
    if (!name.startsWith('new_')) heapBytes += used;
  }
  return Math.max(heapBytes / HEAP_BYTES, (anonymousBytes() * processes) / ALLOWED_BYTES);
}
