/** How late the event loop runs: the first thing to suspect when everything else looks slow. */

import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;

/** Several readers within this time get the same figure: none takes it from another. */
const WINDOW_MS = 1_000;

export interface LoopLag {
  /** 99th percentile of timer lateness in the last second or so, in milliseconds. */
  readMs(): number;
  /** The worst of all readings since it was last asked for this, the present one included. */
  takeWorstMs(): number;
  stop(): void;
}

export function watchLoopLag(): LoopLag {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let lastMs = 0;
  let worstMs = 0;
  let readAtMs = Number.NEGATIVE_INFINITY;
  const readMs = (): number => {
    if (performance.now() - readAtMs < WINDOW_MS) return lastMs;
    readAtMs = performance.now();
    // The recorded delay includes the timer's own interval.
    if (histogram.count > 0) lastMs = Math.max(0, histogram.percentile(99) / 1e6 - RESOLUTION_MS);
    histogram.reset();
    lastMs = Math.round(lastMs * 10) / 10;
    worstMs = Math.max(worstMs, lastMs);
    return lastMs;
  };
  return {
    readMs,
    takeWorstMs() {
      readMs();
      const takenMs = worstMs;
      worstMs = 0;
      return takenMs;
    },
    stop: () => histogram.disable(),
  };
}
