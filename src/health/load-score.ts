/**
 * How much work a backend can take, from one report (gRFC A58): its rate divided by its utilization, errors counted as
 * utilization; and how that compares with its peers. Assumes nothing of a report, whoever built it: what is not a sane
 * number is no reading.
 */

import type { LoadReport } from '../model/load.ts';
import type { LoadSettings } from '../model/settings.ts';
import { MAX_RATE } from './orca-draft.ts';

/** What a report says about weight. */
export interface LoadReading {
  /** > 0. */
  readonly utilization: number;
  /** Requests per second; 0 = not reported. */
  readonly rps: number;
  /** Errors per request, >= 0; 0 without a rate. */
  readonly errorRatio: number;
}

/**
 * Below this, utilization is noise: a tenth of a percent and a hundredth mean the same, an idle backend. It also keeps
 * scores finite.
 */
const MIN_UTILIZATION = 0.001;
/** A rate below one request in a month is none. */
const MIN_RATE = 1e-6;

/**
 * Reads `report`; null when it is of no use for a weight, because no utilization is reported in it or a number is absurd.
 * The utilization is the first of `settings.utilization` that is reported, which means > 0.
 */
export function readLoad(report: LoadReport, settings: LoadSettings): LoadReading | null {
  const { rps, eps } = report;
  if (!isSane(rps) || !isSane(eps)) return null;
  for (const name of settings.utilization) {
    const utilization = metric(report, name);
    if (utilization === 0) continue;
    if (!isSane(utilization)) return null;
    return rps < MIN_RATE ? { utilization, rps: 0, errorRatio: 0 } : { utilization, rps, errorRatio: eps / rps };
  }
  return null;
}

/**
 * `rps / (utilization + eps / rps * errorPenalty)`, gRFC A58: the rate at which the backend would be fully used.
 * @param assumedRps stands for the rate of a reading without one; > 0
 */
export function loadScore(reading: LoadReading, assumedRps: number, errorPenalty: number): number {
  const utilization = Math.max(reading.utilization, MIN_UTILIZATION);
  return (reading.rps === 0 ? assumedRps : reading.rps) / (utilization + reading.errorRatio * errorPenalty);
}

/**
 * What each backend's factor should be: its score against the median of them all, its own included, within
 * [1/maxRatio, maxRatio]. 1 for a single backend: there is nobody to compare it with.
 *
 * A reading without a rate is taken to serve what is usual among those with one. Without any rates the assumed one cancels
 * out, and utilization alone decides.
 */
export function loadAims(readings: readonly LoadReading[], settings: LoadSettings): readonly number[] {
  if (readings.length < 2) return readings.map(() => 1);
  const rates = readings.filter(({ rps }) => rps > 0).map(({ rps }) => rps);
  const assumedRps = rates.length === 0 ? 1 : median(rates);
  const scores = readings.map((reading) => loadScore(reading, assumedRps, settings.errorPenalty));
  const middle = median(scores);
  // Base weights hundreds of orders of magnitude apart leave nothing to compare.
  if (!(middle > 0 && middle < Number.POSITIVE_INFINITY)) return scores.map(() => 1);
  return scores.map((score) => clamp(score / middle, 1 / settings.maxRatio, settings.maxRatio));
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** 0 = not reported. The keys of the maps are what follows the first dot. */
function metric(report: LoadReport, name: string): number {
  if (name === 'application_utilization') return report.applicationUtilization;
  if (name === 'cpu_utilization') return report.cpuUtilization;
  if (name === 'mem_utilization') return report.memUtilization;
  if (name.startsWith('named_metrics.')) return report.namedMetrics.get(name.slice(14)) ?? 0;
  if (name.startsWith('utilization.')) return report.utilization.get(name.slice(12)) ?? 0;
  throw new Error(`Cannot read the load metric "${name}": the configuration should have refused it`);
}

function isSane(value: number): boolean {
  return value >= 0 && value <= MAX_RATE;
}

/** Of at least one number; the mean of the middle two when they are even in number. */
function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const upper = sorted.length >> 1;
  const high = sorted[upper] as number;
  return sorted.length % 2 === 1 ? high : (high + (sorted[upper - 1] as number)) / 2;
}
