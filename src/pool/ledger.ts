/**
 * The hot counters of an upstream, by slot: what is in flight, what has been, how long answers took. Typed arrays, so that a
 * pick reads two cache lines and a lease writes a few words. Owns the slots, and that acquired = ended + in flight (I2).
 * Long because what is kept of a slot is begun, enlarged and let go of together.
 */

import { isDeepStrictEqual } from 'node:util';
import { Histogram } from '../base/histogram.ts';
import { invariant } from '../base/invariant.ts';
import type { Rng } from '../base/rng.ts';
import { type Judgement, judge, type OutcomeClass } from '../model/outcome.ts';
import type { LoadReader } from '../model/picker.ts';
import type { LatencyReport } from '../model/report.ts';
import type { AdaptiveLimitSettings, Policy } from '../model/settings.ts';
import { AdaptiveLimit } from './adaptive-limit.ts';
import { LatencyMeans } from './latency-means.ts';
import { LoadSamples } from './load-samples.ts';
import { Slowness } from './slowness.ts';

const FIRST_CAPACITY = 16;
/** Who has failed more often than this has no more to be forgiven. */
const MOST_OWED = 256;
const SHARES = [0.5, 0.9, 0.99] as const;

export interface Totals {
  readonly requests: number;
  readonly failures: number;
  readonly retries: number;
}

/** What is kept besides the counters. */
export interface LedgerOptions {
  /** What this policy compares is kept. */
  readonly balance: Policy;
  /** Absent or null = the cap is all. */
  readonly adaptive?: { readonly settings: AdaptiveLimitSettings; readonly rng: Rng } | null;
}

export class Ledger implements LoadReader {
  /** By slot, burden and slowness: what the default policy reads of a candidate is in one cache line. */
  private hot = new Float64Array(2 * FIRST_CAPACITY);
  private cap: number;
  private balance: Policy;
  private adaptive: LedgerOptions['adaptive'] | null;
  private flying = new Int32Array(FIRST_CAPACITY);
  /** Failures that are not forgiven yet: each counts as if it were still in flight. */
  private owed = new Int32Array(FIRST_CAPACITY);
  /** The epoch whose trial request is under way; 0 = none. */
  private trialEpochs = new Float64Array(FIRST_CAPACITY);
  private requests = new Float64Array(FIRST_CAPACITY);
  private failures = new Float64Array(FIRST_CAPACITY);
  private retries = new Float64Array(FIRST_CAPACITY);
  private readonly latencies: (Histogram | null)[] = [];
  private readonly retired = new Set<number>();
  private readonly free: number[] = [];
  private slots = 0;
  /** The slot that time passes for with the next outcome. */
  private turn = 0;
  private readonly pace = new Slowness(FIRST_CAPACITY);
  private means: LatencyMeans | null;
  private samples: LoadSamples | null;
  /** By slot, where limits adapt. */
  private readonly limits: (AdaptiveLimit | null)[] = [];

  /** @param cap requests that one backend may have in flight, whatever else; infinite = any number */
  constructor(cap: number, { balance, adaptive = null }: LedgerOptions = { balance: 'least_request' }) {
    this.cap = cap;
    this.balance = balance;
    this.adaptive = adaptive;
    this.means = meansFor(balance, FIRST_CAPACITY);
    this.samples = samplesFor(balance, FIRST_CAPACITY);
  }

  /** Another cap, and what another policy compares; counters stay, and so does all that is learnt and still asked for. */
  configure(cap: number, { balance, adaptive = null }: LedgerOptions): void {
    const capacity = this.flying.length;
    this.cap = cap;
    if (balance !== this.balance) {
      this.balance = balance;
      this.means = meansFor(balance, capacity);
      this.samples = samplesFor(balance, capacity);
      for (let slot = 0; slot < this.slots; slot++) {
        this.means?.reset(slot);
        this.samples?.reset(slot);
      }
    }
    if (isDeepStrictEqual(adaptive?.settings, this.adaptive?.settings)) return;
    this.adaptive = adaptive;
    for (let slot = 0; slot < this.slots; slot++) this.limits[slot] = this.newLimit();
  }

  /** Leases that have not ended, of all slots. */
  get inFlightOfAll(): number {
    return this.flying.reduce((sum, flying) => sum + flying, 0);
  }

  inFlight(slot: number): number {
    return this.flying[slot] as number;
  }

  burden(slot: number): number {
    return this.hot[2 * slot] as number;
  }

  slowness(slot: number): number {
    return this.hot[2 * slot + 1] as number;
  }

  latencyMs(slot: number): number {
    return this.means === null ? 1 : this.means.of(slot);
  }

  totalInFlight(slot: number): number {
    return (this.flying[slot] as number) + (this.samples === null ? 0 : this.samples.othersOf(slot));
  }

  hotFrom(): number {
    return this.samples === null ? 0 : this.samples.hotFrom;
  }

  /**
   * A backend has told what it has in flight, from everybody.
   * @param utilization 0 = not reported
   */
  hear(slot: number, inFlight: number, utilization: number, at: number): void {
    this.samples?.hear(slot, inFlight, this.flying[slot] as number, utilization, at);
  }

  /** Requests that the backend may have in flight now. */
  limitOf(slot: number): number {
    const adaptive = this.limits[slot];
    return adaptive ? Math.min(this.cap, adaptive.limit) : this.cap;
  }

  /** @param weight as configured; > 0 */
  weigh(slot: number, weight: number): void {
    this.pace.weigh(slot, weight);
  }

  hasRoom(slot: number, trial: boolean): boolean {
    const flying = this.flying[slot] as number;
    if (flying >= this.cap) return false;
    if (this.adaptive !== null && flying >= this.limitOf(slot)) return false;
    return !trial || this.trialEpochs[slot] === 0;
  }

  totals(slot: number): Totals {
    return {
      requests: this.requests[slot] as number,
      failures: this.failures[slot] as number,
      retries: this.retries[slot] as number,
    };
  }

  /** Of successes in the last minute or so; null when there were none. */
  latency(slot: number, at: number): LatencyReport | null {
    const values = this.latencies[slot]?.percentiles(SHARES, at);
    if (values === null || values === undefined) return null;
    return { p50: values[0] as number, p90: values[1] as number, p99: values[2] as number };
  }

  /** A slot for a backend that joins, all counters at zero. */
  allocate(): number {
    const slot = this.free.pop() ?? this.grow();
    for (const counters of [this.flying, this.owed, this.trialEpochs, this.requests, this.failures, this.retries]) {
      counters[slot] = 0;
    }
    this.latencies[slot] = null;
    this.pace.reset(slot);
    this.hot[2 * slot] = 0;
    this.hot[2 * slot + 1] = this.pace.of(slot);
    this.means?.reset(slot);
    this.samples?.reset(slot);
    this.limits[slot] = this.newLimit();
    return slot;
  }

  /** The backend has left: its slot is used again once nothing of it is in flight. */
  retire(slot: number): void {
    if (this.flying[slot] === 0) this.free.push(slot);
    else this.retired.add(slot);
  }

  /** A new trial has begun: a request still under way from an earlier one does not keep it waiting. */
  openTrial(slot: number, epoch: number): void {
    if (this.trialEpochs[slot] !== epoch) this.trialEpochs[slot] = 0;
  }

  /** Another process has the trial: none is begun here until `reopenTrial`. */
  lendTrial(slot: number, epoch: number): void {
    this.trialEpochs[slot] = epoch;
  }

  /** The trial is ours again. */
  reopenTrial(slot: number): void {
    this.trialEpochs[slot] = 0;
  }

  /** What other processes have begun, ended and tried again at this backend since they last told. */
  shift(slot: number, inFlight: number, requests: number, retries: number): void {
    this.burdenWith(slot, inFlight);
    this.requests[slot] = (this.requests[slot] as number) + requests;
    this.retries[slot] = (this.retries[slot] as number) + retries;
    const flying = (this.flying[slot] as number) + inFlight;
    invariant(flying >= 0, `more requests ended elsewhere than begun in slot ${slot}`);
    this.flying[slot] = flying;
    if (flying === 0 && this.retired.delete(slot)) this.free.push(slot);
  }

  /** @param trialEpoch the epoch of the trial that the request decides; 0 when it is an ordinary one */
  begin(slot: number, trialEpoch: number): void {
    this.flying[slot] = (this.flying[slot] as number) + 1;
    this.burdenWith(slot, 1);
    this.requests[slot] = (this.requests[slot] as number) + 1;
    if (trialEpoch !== 0) this.trialEpochs[slot] = trialEpoch;
  }

  /** Returns how the outcome was judged. */
  end(slot: number, trialEpoch: number, outcome: OutcomeClass, latencyMs: number, at: number): Judgement {
    const judgement = this.judge(slot, trialEpoch, outcome, latencyMs, at);
    this.release(slot);
    return judgement;
  }

  /**
   * Counts the outcome of a request that stays in flight until `release`. A trial is decided by it.
   * Only answers count towards latency: failing fast is not being fast.
   */
  judge(slot: number, trialEpoch: number, outcome: OutcomeClass, latencyMs: number, at: number): Judgement {
    if (trialEpoch !== 0 && this.trialEpochs[slot] === trialEpoch) this.trialEpochs[slot] = 0;
    const judgement = judge(outcome);
    if (judgement === 'success') this.latencyOf(slot).record(latencyMs, at);
    else if (judgement === 'failure') this.failures[slot] = (this.failures[slot] as number) + 1;
    if (judgement !== 'ignored') this.learn(slot, outcome, latencyMs, at);
    return judgement;
  }

  release(slot: number): void {
    const flying = (this.flying[slot] as number) - 1;
    invariant(flying >= 0, `more leases ended than begun in slot ${slot}`);
    this.flying[slot] = flying;
    this.burdenWith(slot, -1);
    if (flying === 0 && this.retired.size > 0 && this.retired.delete(slot)) this.free.push(slot);
  }

  recordRetry(slot: number): void {
    this.retries[slot] = (this.retries[slot] as number) + 1;
  }

  private newLimit(): AdaptiveLimit | null {
    const { adaptive } = this;
    return adaptive ? new AdaptiveLimit(adaptive.settings, adaptive.rng) : null;
  }

  private learn(slot: number, outcome: OutcomeClass, latencyMs: number, at: number): void {
    const { pace, means, samples } = this;
    const flying = this.flying[slot] as number;
    const isGood = outcome === 'ok';
    // Another one with each outcome, whoever that is about: the busiest have the most outcomes.
    this.turn = this.turn + 1 < this.slots ? this.turn + 1 : 0;
    if ((this.owed[this.turn] as number) > 0) this.owe(this.turn, (this.owed[this.turn] as number) - 1);
    if (pace.age(this.turn, at)) this.hot[2 * this.turn + 1] = pace.of(this.turn);
    means?.age(this.turn, at);
    const owed = this.owed[slot] as number;
    if (isGood) {
      pace.succeed(slot, flying, latencyMs, at);
      this.hot[2 * slot + 1] = pace.of(slot);
      // Prequal asks how fast a backend is with what it has to do now.
      means?.succeed(slot, samples === null ? latencyMs : latencyMs / Math.max(1, this.totalInFlight(slot)), at);
      if (owed > 0) this.owe(slot, owed >> 1);
    } else {
      means?.fail(slot, at);
      if (owed < MOST_OWED) this.owe(slot, owed + 1);
    }
    samples?.observe(this.totalInFlight(this.turn), at);
    if (isGood || outcome === 'timeout') this.limits[slot]?.observe(latencyMs, flying, at);
  }

  private owe(slot: number, failures: number): void {
    this.burdenWith(slot, failures - (this.owed[slot] as number));
    this.owed[slot] = failures;
  }

  private burdenWith(slot: number, more: number): void {
    this.hot[2 * slot] = (this.hot[2 * slot] as number) + more;
  }

  private latencyOf(slot: number): Histogram {
    const existing = this.latencies[slot];
    if (existing) return existing;
    const created = new Histogram();
    this.latencies[slot] = created;
    return created;
  }

  private grow(): number {
    const slot = this.slots;
    this.slots += 1;
    if (slot < this.flying.length) return slot;
    const capacity = this.flying.length * 2;
    const flying = new Int32Array(capacity);
    flying.set(this.flying);
    this.flying = flying;
    this.hot = enlarged(this.hot, 2 * capacity);
    const owed = new Int32Array(capacity);
    owed.set(this.owed);
    this.owed = owed;
    this.trialEpochs = enlarged(this.trialEpochs, capacity);
    this.requests = enlarged(this.requests, capacity);
    this.failures = enlarged(this.failures, capacity);
    this.retries = enlarged(this.retries, capacity);
    this.pace.grow(capacity);
    this.means?.grow(capacity);
    this.samples?.grow(capacity);
    return slot;
  }
}

function meansFor(balance: Policy, capacity: number): LatencyMeans | null {
  if (balance !== 'peak_ewma' && balance !== 'prequal') return null;
  return new LatencyMeans(balance === 'peak_ewma' ? 'peak' : 'mean', capacity);
}

function samplesFor(balance: Policy, capacity: number): LoadSamples | null {
  return balance === 'prequal' ? new LoadSamples(capacity) : null;
}

function enlarged(counters: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(capacity);
  larger.set(counters);
  return larger;
}
