/** Watches the proxy from outside and from inside: resident memory, heap after collection, descriptors, and what keeps it alive. */

import { readdirSync } from 'node:fs';
import { residentKib } from '../lib/process.mjs';
import { trendOf } from './statistics.mjs';

/**
 * @typedef {{ atSeconds: number, rssMib: number, heapMib: number, descriptors: number, resources: Record<string, number> }} Sample
 * @typedef {{ slopeMibPerHour: number, lowMibPerHour: number, highMibPerHour: number, grewMib: number, meanMib: number, samples: number }} Trend
 */

/** @param {import('../scale/proxy.mjs').Proxy} proxy */
export function createSampler(proxy) {
  const startedMs = performance.now();
  /** @type {Sample[]} */
  const samples = [];
  return {
    samples,
    /** @returns {Promise<Sample>} */
    take: async () => {
      // Before the collection, which is ours.
      const rssMib = residentKib(proxy.pid) / 1_024;
      const descriptors = descriptorsOf(proxy.pid);
      const { heapUsed, resources } = await proxy.figures();
      const sample = {
        atSeconds: Math.round((performance.now() - startedMs) / 100) / 10,
        rssMib: Math.round(rssMib * 100) / 100,
        heapMib: Math.round((heapUsed / 2 ** 20) * 100) / 100,
        descriptors,
        resources,
      };
      samples.push(sample);
      return sample;
    },
  };
}

/** Open descriptors of a process. @param {number} pid */
export function descriptorsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

/**
 * @param {readonly Sample[]} samples @param {'rssMib' | 'heapMib'} key @param {number} fromSeconds  when warm-up is over
 * @returns {Trend}
 */
export function trendIn(samples, key, fromSeconds) {
  const points = samples
    .filter(({ atSeconds }) => atSeconds >= fromSeconds)
    .map((sample) => ({ x: sample.atSeconds, y: sample[key] }));
  const { slope, low, high } = trendOf(points);
  const spanSeconds = (points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0);
  const finite = (/** @type {number} */ value) => (Number.isFinite(value) ? value : 0);
  return {
    slopeMibPerHour: slope * 3_600,
    lowMibPerHour: finite(low) * 3_600,
    highMibPerHour: finite(high) * 3_600,
    grewMib: slope * spanSeconds,
    meanMib: points.reduce((sum, { y }) => sum + y, 0) / Math.max(1, points.length),
    samples: points.length,
  };
}
