/** What an upstream's engine knows of the pool as a whole, beside the backends' own records. */

import type { HealthSettings } from '../model/settings.ts';
import { LoadWeights } from './load-weight.ts';
import { MassFailure } from './mass-failure.ts';
import { OutlierReview } from './outlier-review.ts';
import { ProbeTrial } from './probe-trial.ts';

/** Failures count as simultaneous within a probe interval, and within this where nothing is probed. */
const UNPROBED_INTERVAL_MS = 5_000;

export class PoolRecord {
  /** null = reports are not read. */
  load: LoadWeights | null;
  /** null = traffic is not judged. */
  review: OutlierReview | null;
  readonly massFailure: MassFailure;
  readonly probeTrial = new ProbeTrial();
  /** Load's, as the backends' weights were last made from them. */
  factors: ReadonlyMap<string, number> = new Map();
  /** When any backend last passed a probe or answered a request. */
  lastGoodNewsMs = Number.NEGATIVE_INFINITY;
  /** When we last ran again after a stall: what went wrong by then, and began before, is our fault (I14). */
  stallEndedMs = Number.NEGATIVE_INFINITY;

  constructor(settings: HealthSettings, at: number) {
    this.load = settings.load === null ? null : new LoadWeights(settings.load);
    this.review = settings.outliers === null ? null : new OutlierReview(settings.outliers, at);
    this.massFailure = new MassFailure(settings.probe?.intervalMs ?? UNPROBED_INTERVAL_MS);
  }

  /** What is known stays, as far as the new settings still ask for it. */
  configure(before: HealthSettings, settings: HealthSettings, at: number): void {
    this.probeTrial.configure(before.probe, settings.probe, at);
    const { load, outliers, probe } = settings;
    if (load === null) this.load = null;
    else if (this.load === null) this.load = new LoadWeights(load);
    else this.load.configure(load);
    if (outliers === null) this.review = null;
    else if (this.review === null) this.review = new OutlierReview(outliers, at);
    else this.review.configure(outliers, at);
    this.massFailure.configure(probe?.intervalMs ?? UNPROBED_INTERVAL_MS);
    if (this.load === null) this.factors = new Map();
  }

  /** Whether load has moved weights since the pool was last settled. */
  isReweighed(at: number): boolean {
    return this.load !== null && this.load.factors(at) !== this.factors;
  }

  /** Whether a failure that took `lastedMs` until `at` may be ours. */
  isStalled(lastedMs: number, at: number): boolean {
    return at - lastedMs < this.stallEndedMs;
  }

  /** When time alone will change something for the pool: after the last settling, infinity when nothing will. */
  get deadline(): number {
    const { load, review, massFailure } = this;
    const ofLoad = load === null ? Number.POSITIVE_INFINITY : load.nextDeadline();
    return Math.min(ofLoad, review === null ? Number.POSITIVE_INFINITY : review.deadline, massFailure.deadline);
  }
}
