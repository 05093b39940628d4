/** What counts as a leak: in memory over time, and in descriptors, sockets and timers once all is quiet again. Pure. */

import { trendIn } from './sampler.mjs';

/** Of the soak, before growth is judged. */
const WARM_UP_SHARE = 0.3;
/** Growth that is below these, over the whole of what is judged, is no leak worth the name; it is within what a collector keeps. */
const HEAP_NOISE_MIB = 1.5;
const RSS_NOISE_SHARE = 0.08;
/** A probe's connection, which may be open or not. */
const CONNECTIONS_PER_BACKEND = 1;
/** What Node opens when it likes: the log, a thread of its pool. */
const SPARE_DESCRIPTORS = 2;
const SPARE_TIMERS = 2;

/** @typedef {import('./sampler.mjs').Sample} Sample */

/**
 * Sentences; none = as it was.
 * @param {Sample} before @param {Sample | null} after  null = the proxy is gone @param {number} backends @returns {string[]}
 */
export function judgeLeaks(before, after, backends) {
  if (after === null) return [];
  const complaints = [];
  const spare = CONNECTIONS_PER_BACKEND * backends;
  if (after.descriptors > before.descriptors + spare + SPARE_DESCRIPTORS) {
    complaints.push(`${after.descriptors} descriptors are open after all is quiet, ${before.descriptors} were before`);
  }
  for (const kind of Object.keys(after.resources)) {
    const had = before.resources[kind] ?? 0;
    const has = after.resources[kind] ?? 0;
    // A running probe has a timer and a socket.
    if (has > had + spare + SPARE_TIMERS)
      complaints.push(`${has} of ${kind} are left after all is quiet, ${had} were before`);
  }
  return complaints;
}

/**
 * Whether memory grows, surely and by more than noise, once the soak is warm.
 * @param {readonly Sample[]} samples @param {number} seconds  the whole soak's
 */
export function judgeGrowth(samples, seconds) {
  const from = (samples[0]?.atSeconds ?? 0) + seconds * WARM_UP_SHARE;
  const until = (samples[0]?.atSeconds ?? 0) + seconds;
  const during = samples.filter(({ atSeconds }) => atSeconds <= until);
  const heap = trendIn(during, 'heapMib', from);
  const rss = trendIn(during, 'rssMib', from);
  const complaints = [];
  if (heap.lowMibPerHour > 0 && heap.grewMib > HEAP_NOISE_MIB) complaints.push(`the heap grew by ${describe(heap)}`);
  if (rss.lowMibPerHour > 0 && rss.grewMib > RSS_NOISE_SHARE * rss.meanMib) {
    complaints.push(`resident memory grew by ${describe(rss)}`);
  }
  return { heap, rss, complaints };
}

/** @param {import('./sampler.mjs').Trend} trend */
function describe({ grewMib, slopeMibPerHour, lowMibPerHour, highMibPerHour }) {
  const [slope, low, high] = [slopeMibPerHour, lowMibPerHour, highMibPerHour].map((value) => value.toFixed(1));
  return `${grewMib.toFixed(1)} MiB: ${slope} MiB an hour (${low} to ${high})`;
}
