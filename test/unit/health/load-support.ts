/** What the tests of load weights share. */

import type { LoadWeights } from '../../../src/health/load-weight.ts';
import type { LoadReport } from '../../../src/model/load.ts';
import type { LoadSettings } from '../../../src/model/settings.ts';

export const settings: LoadSettings = {
  sources: ['response', 'heartbeat'],
  utilization: ['application_utilization', 'cpu_utilization'],
  blackoutMs: 10_000,
  expiryMs: 180_000,
  errorPenalty: 1,
  maxRatio: 4,
};

export function load(cpuUtilization: number, rps = 0, eps = 0): LoadReport {
  return {
    cpuUtilization,
    memUtilization: 0,
    applicationUtilization: 0,
    rps,
    eps,
    namedMetrics: new Map(),
    utilization: new Map(),
  };
}

/** Calls at every deadline until `untilMs`, as an upstream does, and returns the factors in force there. */
export function runUntil(weights: LoadWeights, untilMs: number): ReadonlyMap<string, number> {
  for (let at = weights.nextDeadline(); at <= untilMs; at = weights.nextDeadline()) {
    weights.factors(at);
    if (weights.nextDeadline() <= at) throw new Error(`the deadline stands still at ${at}`);
  }
  return weights.factors(untilMs);
}
