/**
 * Loaded into the proxy by `node --import`: tells over the IPC channel what only the process itself knows. Asked `reset`, it
 * begins to watch the event loop anew; asked `figures`, it answers with the lateness since then, memory after a full collection (with
 * --expose-gc) and what keeps the process alive; between `profile` and `profiled` it samples the CPU. It never keeps the process alive.
 */

import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Of the sampling of lateness, which is part of every value recorded. */
const RESOLUTION_MS = 10;

if (process.send !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  /** @type {Session | null} */
  let session = null;
  process.on('message', async (/** @type {{ id: number, ask: string }} */ { id, ask }) => {
    if (ask === 'reset') histogram.reset();
    if (ask === 'profile') {
      session = new Session();
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.start');
    }
    process.send?.({ id, answer: ask === 'profiled' ? await profile() : figures(ask === 'figures') });
  });
  process.channel?.unref();

  const profile = async () => {
    if (session === null) return null;
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return profile;
  };

  /** @param {boolean} collects */
  const figures = (collects) => {
    const lag = (/** @type {number} */ ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    const late =
      histogram.count === 0
        ? { p99Ms: 0, maxMs: 0 }
        : { p99Ms: lag(histogram.percentile(99)), maxMs: lag(histogram.max) };
    if (collects) globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    /** @type {Record<string, number>} */
    const resources = {};
    for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
    return { ...late, rss, heapUsed, external, resources };
  };
}
