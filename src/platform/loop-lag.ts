/** How late the event loop runs: the first thing to suspect when everything else looks slow. */

import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;

export interface LoopLag {
  /** 99th percentile of timer lateness since the last reading, whoever's that was, in milliseconds. */
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
  const readMs = (): number => {
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
