/**
 * Compares the windows of a pool's backends with each other and tells each detector how its backend stands. Only backends in
 * full service are compared: what was removed, or serves one request at a time, is no measure for the rest.
 *
 * A review is due a tenth of a window after the last one, and then comes with the next outcome: without traffic there is nothing
 * to compare, and no timer fires. Only while somebody stands out does a deadline see to it that this ends in time.
 */

import type { OutlierSettings } from '../model/settings.ts';
import type { BackendRecord } from './backend-record.ts';
import type { OutlierDetector } from './outlier-detector.ts';
import { type Comparison, isFailing, isSlow, mediansOfOthers } from './outlier-statistics.ts';

/** Reviews per window. */
const REVIEWS = 10;

interface Standing {
  readonly record: BackendRecord;
  readonly outlier: OutlierDetector;
  readonly requests: number;
  readonly failures: number;
  readonly p50Ms: number | null;
  readonly isCompared: boolean;
}

export class OutlierReview {
  /** From when on an outcome brings a review. */
  dueMs: number;
  /** Somebody stands out: the review comes without an outcome, too. */
  private isPressing = false;
  private settings: OutlierSettings;

  constructor(settings: OutlierSettings, at: number) {
    this.settings = settings;
    this.dueMs = at;
  }

  configure(settings: OutlierSettings, at: number): void {
    this.settings = settings;
    this.dueMs = at;
  }

  /** When a review must come, with or without an outcome; infinity when none must. */
  get deadline(): number {
    return this.isPressing ? this.dueMs : Number.POSITIVE_INFINITY;
  }

  /** True when a verdict changed. */
  run(records: Iterable<BackendRecord>, at: number): boolean {
    const { settings } = this;
    this.dueMs = at + settings.windowMs / REVIEWS;
    this.isPressing = false;
    const standings = readStandings(records, at);
    const peers = standings.filter(({ isCompared }) => isCompared).length;
    const rates = mediansOfOthers(standings.map((standing) => rateOf(standing)));
    const latencies = mediansOfOthers(standings.map(({ isCompared, p50Ms }) => (isCompared ? p50Ms : null)));
    let changed = false;
    standings.forEach((standing, index) => {
      const { record, outlier } = standing;
      const comparison = compare(standing, rates[index] ?? null, latencies[index] ?? null, peers, settings);
      const news = outlier.judge(comparison, at);
      if (news !== null) {
        record.note = { source: 'outcomes', reason: news };
        changed = true;
      }
      this.isPressing ||= outlier.standsOut;
    });
    return changed;
  }
}

function readStandings(records: Iterable<BackendRecord>, at: number): Standing[] {
  const standings: Standing[] = [];
  for (const record of records) {
    const { outlier, status } = record;
    if (outlier === null) continue;
    const { requests, failures } = outlier.window(at);
    const isCompared = (status === 'up' || status === 'suspect') && outlier.isComparable(at);
    standings.push({
      record,
      outlier,
      requests,
      failures,
      p50Ms: isCompared ? outlier.medianLatency(at) : null,
      isCompared,
    });
  }
  return standings;
}

/** Null values neither judge nor are judged. */
function rateOf({ isCompared, failures, requests }: Standing): number | null {
  return isCompared ? failures / requests : null;
}

function compare(
  { outlier, requests, failures, p50Ms }: Standing,
  othersRate: number | null,
  othersP50Ms: number | null,
  peers: number,
  { failureRate, latencyFactor }: OutlierSettings,
): Comparison {
  const rate = { failures, requests };
  const isWorse = othersRate !== null && isFailing(rate, othersRate, failureRate, peers);
  const isSlower =
    latencyFactor !== null &&
    p50Ms !== null &&
    othersP50Ms !== null &&
    isSlow(p50Ms, othersP50Ms, latencyFactor, outlier.slowness !== null);
  return {
    failing: isWorse ? { ...rate, othersRate } : null,
    slow: isSlower ? { p50Ms, othersP50Ms } : null,
  };
}
