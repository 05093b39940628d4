/**
 * What backends last said that they have in flight, for everybody: one sample each, the freshest. A sample is corrected by what
 * we have sent there and had answered since, and is good for three of its reporter's usual intervals. Time comes with outcomes and
 * reports: nothing here reads a clock, and between two of them no time passes.
 *
 * Invariant: what is estimated is finite and not below what is in flight from here.
 */

import type { LoadReport } from '../model/load.ts';

const SHORTEST_LIFE_MS = 1_000;
const LONGEST_LIFE_MS = 10_000;
const LIVES = 3;
/** Share of one interval in the running mean of intervals. */
const INTERVAL_SHARE = 0.2;
/** Of the samples, this share is at most as high as the estimate of `hotFrom` (2^-0.25 in the paper). */
const HOT_QUANTILE = 0.84;
/** From this utilization on a backend is taken to have twice as much in flight as it says. */
const STRAINED = 0.95;
const MOST = 1e6;
/** What reports call the requests in flight, in named_metrics: the first that is there counts. */
const NAMES = ['rif', 'in_flight', 'requests_in_flight'] as const;

/** What the report says is in flight at its backend, from everybody; -1 = nothing. */
export function inFlightIn({ namedMetrics }: LoadReport): number {
  for (const name of NAMES) {
    const value = namedMetrics.get(name);
    if (value !== undefined) return value;
  }
  return -1;
}

/** As it counts beside what is in flight; 0 = not reported. */
export function utilizationIn(load: LoadReport | null): number {
  return load === null ? 0 : load.applicationUtilization || load.cpuUtilization;
}

export class LoadSamples {
  private others: Float64Array;
  private heardMs: Float64Array;
  private intervalMs: Float64Array;
  private usualOthers = 0;
  private hot = 0;
  private nowMs = 0;

  constructor(capacity: number) {
    this.others = new Float64Array(capacity);
    this.heardMs = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
    this.intervalMs = new Float64Array(capacity);
  }

  /** In flight from others, as far as known. */
  othersOf(slot: number): number {
    const lifeMs = Math.min(Math.max(LIVES * (this.intervalMs[slot] as number), SHORTEST_LIFE_MS), LONGEST_LIFE_MS);
    return this.nowMs - (this.heardMs[slot] as number) <= lifeMs ? (this.others[slot] as number) : this.usualOthers;
  }

  /** From more than this in flight on, a backend is hot: more than most had. */
  get hotFrom(): number {
    return this.hot;
  }

  /**
   * @param inFlight as reported, from everybody; >= 0
   * @param own in flight from here
   * @param utilization as reported; 0 = not reported
   */
  hear(slot: number, inFlight: number, own: number, utilization: number, at: number): void {
    if (!(inFlight >= 0 && inFlight <= MOST)) return;
    const total = utilization >= STRAINED ? 2 * inFlight : inFlight;
    const others = Math.max(0, total - own);
    const elapsedMs = at - (this.heardMs[slot] as number);
    if (elapsedMs < LONGEST_LIFE_MS) {
      const interval = this.intervalMs[slot] as number;
      this.intervalMs[slot] = interval + (elapsedMs - interval) * INTERVAL_SHARE;
    }
    this.others[slot] = others;
    this.heardMs[slot] = at;
    this.usualOthers += (others - this.usualOthers) / 64;
    this.pass(at);
  }

  /** Time passes, and this is what a backend has in flight by all we know: one more sample of the pool's distribution. */
  observe(total: number, at: number): void {
    const step = 0.05 * (this.hot + 1);
    this.hot = Math.max(0, this.hot + (total > this.hot ? HOT_QUANTILE : HOT_QUANTILE - 1) * step);
    this.pass(at);
  }

  reset(slot: number): void {
    this.others[slot] = 0;
    this.heardMs[slot] = Number.NEGATIVE_INFINITY;
    this.intervalMs[slot] = 0;
  }

  grow(capacity: number): void {
    const before = this.others.length;
    this.others = enlarged(this.others, capacity);
    this.heardMs = enlarged(this.heardMs, capacity).fill(Number.NEGATIVE_INFINITY, before);
    this.intervalMs = enlarged(this.intervalMs, capacity);
  }

  private pass(at: number): void {
    if (at > this.nowMs) this.nowMs = at;
  }
}

function enlarged(values: Float64Array, capacity: number): Float64Array {
  const larger = new Float64Array(capacity);
  larger.set(values);
  return larger;
}
