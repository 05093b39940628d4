/**
 * Folds signals into health: the one decision maker of an upstream. Deterministic: time comes with the signal, and the same
 * signals in the same order give the same transitions (I7). Does no I/O, arms no timer, draws no random number.
 *
 * A step first lets the source that spoke update its own verdict; only when a verdict changed, or a deadline came, is the
 * whole pool settled: deadlines, budget, status table, trials, transitions. As that takes time in proportion to the pool, very
 * large ones rest in between: what changes meanwhile is settled together, a little later.
 */

import { invariant } from '../base/invariant.ts';
import type { BackendSpec } from '../model/backend.ts';
import type { HealthSettings } from '../model/settings.ts';
import type { Signal } from '../model/signal.ts';
import type { Transition } from '../model/transition.ts';
import type { BackendView } from '../model/view.ts';
import { BackendRecord } from './backend-record.ts';
import { fold } from './fold.ts';
import type { Suspicion } from './mass-failure.ts';
import { PoolRecord } from './pool-record.ts';
import { settle } from './settle.ts';

const NO_TRANSITIONS: readonly Transition[] = [];

/** Backends that are settled with every change; what flight recorders keep is no larger. */
const ALWAYS_SETTLED = 500;
/** How long a larger pool rests after it was settled, for each backend: 100 ms at ten thousand. */
const REST_MS_EACH = 0.01;

export class HealthEngine {
  /** Grows whenever `views()` would say something else. */
  version = 1;
  private settings: HealthSettings;
  private readonly pool: PoolRecord;
  private records: Map<string, BackendRecord>;
  /** `at` of the last signal. */
  lastAtMs: number;
  private deadlineMs = Number.POSITIVE_INFINITY;
  /** Until then a success changes nothing but counters. */
  private quietUntilMs = Number.NEGATIVE_INFINITY;
  private lastTransitionId = 0;
  private settledMs: number;
  /** Something changed while the pool rests. */
  private isUnsettled = false;

  constructor(settings: HealthSettings, backends: readonly BackendSpec[], at: number) {
    this.settings = settings;
    this.pool = new PoolRecord(settings, at);
    this.records = new Map(backends.map((spec) => [spec.id, this.createRecord(spec, 1, at)]));
    this.lastAtMs = at;
    this.settledMs = at;
    this.settlePool(at);
  }

  /**
   * The commonest signal by far, on the shortest path: an answer that changes no verdict. True when that is all it was and
   * it has been counted; false when `step` must judge it. Both ways leave the same state behind.
   */
  absorbSuccess(backend: string, epoch: number, latencyMs: number, at: number): boolean {
    const record = this.records.get(backend);
    if (record === undefined || at >= this.quietUntilMs) return false;
    if (epoch !== record.epoch || record.status !== 'up') return false;
    this.lastAtMs = at;
    this.pool.lastGoodNewsMs = at;
    record.lastAttemptMs = at;
    record.lastAnswerMs = at;
    record.lastAttemptRefused = false;
    record.outlier?.countSuccess(latencyMs, at);
    record.outlier?.succeed(at);
    return true;
  }

  /** Folds one signal in. `signal.at` must not decrease. Signals about unknown backends change nothing. */
  step(signal: Signal): readonly Transition[] {
    invariant(signal.at >= this.lastAtMs, `signals go back in time: ${signal.at} after ${this.lastAtMs}`);
    const at = Math.max(signal.at, this.lastAtMs);
    this.lastAtMs = at;
    const changed = this.apply(signal, at) || this.isUnsettled;
    if (!changed && at < this.deadlineMs) return NO_TRANSITIONS;
    const restsUntilMs = this.settledMs + restMs(this.records.size);
    if (at < restsUntilMs && !isOrder(signal)) {
      this.isUnsettled = changed;
      this.setDeadline(restsUntilMs);
      return NO_TRANSITIONS;
    }
    const { changes, reweighed } = this.settlePool(at);
    if (changed || reweighed || changes.length > 0) this.version += 1;
    return changes.map((change) => {
      this.lastTransitionId += 1;
      return { id: this.lastTransitionId, at, ...change };
    });
  }

  /**
   * Other settings: what is known of the backends stays. The caller steps the engine afterwards, with the new membership or a
   * tick, which settles the pool.
   * @param at not before the last signal
   */
  configure(settings: HealthSettings, at: number): void {
    this.pool.configure(this.settings, settings, at);
    this.settings = settings;
    for (const record of this.records.values()) record.configure(settings, this.pool.load);
    for (const { spec, baseWeight } of this.records.values()) this.pool.load?.setBaseWeight(spec.id, baseWeight, at);
    this.setDeadline(at);
  }

  /** When the next `tick` is due: monotonic milliseconds above the last signal's (I10), or infinity. */
  nextDeadline(): number {
    return this.deadlineMs;
  }

  /** In the configuration's order. */
  views(): readonly BackendView[] {
    return Array.from(this.records.values(), (record) => record.view());
  }

  /** What is known of one backend, to be read only; null when there is no such backend. */
  record(backend: string): Readonly<BackendRecord> | null {
    return this.records.get(backend) ?? null;
  }

  /** Why removals are held for now; null while they are not. */
  get suspicion(): Suspicion | null {
    return this.pool.massFailure.suspicion;
  }

  /** Since when probes ask something that too few backends have passed; null = enough have. */
  get probesOnTrialSinceMs(): number | null {
    return this.pool.probeTrial.sinceMs;
  }

  /** True when the pool must be settled anew. */
  private apply(signal: Signal, at: number): boolean {
    switch (signal.kind) {
      case 'tick':
        return this.review(at);
      case 'stall':
        this.pool.stallEndedMs = at;
        for (const { heartbeat } of this.records.values()) heartbeat?.shift(signal.stalledMs);
        return false;
      case 'membership':
        return this.applyMembership(signal.backends, at);
    }
    const record = this.records.get(signal.backend);
    if (record === undefined) return false;
    const changed = fold(record, signal, this.pool, at) || this.settlesProbes(signal);
    if (signal.kind === 'outcome') return this.review(at) || changed;
    // The signal may have brought a deadline closer.
    this.setDeadline(Math.min(this.deadlineMs, record.nextDeadline(at), this.pool.deadline));
    return changed;
  }

  private settlesProbes(signal: Signal): boolean {
    if (signal.kind !== 'probe' || !signal.ok || this.pool.probeTrial.sinceMs === null) return false;
    let eligible = 0;
    for (const record of this.records.values()) if (record.isEligible) eligible += 1;
    return this.pool.probeTrial.pass(signal.backend, eligible);
  }

  /** Compares the pool's windows, when that is due. */
  private review(at: number): boolean {
    const { review } = this.pool;
    if (review === null || at < review.dueMs) return false;
    const changed = review.run(this.records.values(), at);
    this.setDeadline(Math.min(this.deadlineMs, this.pool.deadline));
    return changed;
  }

  /** Who stays keeps all that is known (I8); a weight set at run time yields only to a new one in the configuration. */
  private applyMembership(backends: readonly BackendSpec[], at: number): boolean {
    const { load } = this.pool;
    const records = new Map<string, BackendRecord>();
    const urls = new Map(backends.map(({ id, url }) => [id, url]));
    for (const [id, { spec }] of this.records) if (urls.get(id) !== spec.url) load?.forget(id, at);
    // No epoch has grown faster than the version, so a backend that comes back is not judged by leases from before it left.
    const epoch = this.version + 1;
    for (const spec of backends) {
      const known = this.records.get(spec.id);
      // Another address is another server: nothing that is known says anything about it.
      const record = known?.spec.url === spec.url ? known : this.createRecord(spec, epoch, at);
      if (record.spec.weight !== spec.weight) {
        record.weight = null;
        load?.setBaseWeight(spec.id, spec.weight, at);
      }
      record.spec = spec;
      records.set(spec.id, record);
    }
    this.records = records;
    return true;
  }

  private createRecord(spec: BackendSpec, epoch: number, at: number): BackendRecord {
    if (spec.weight !== 1) this.pool.load?.setBaseWeight(spec.id, spec.weight, at);
    return new BackendRecord(spec, this.settings, this.pool.load, epoch, at);
  }

  private settlePool(at: number) {
    const settled = settle([...this.records.values()], this.pool, this.settings, at);
    this.settledMs = at;
    this.isUnsettled = false;
    this.setDeadline(settled.deadlineMs);
    return settled;
  }

  private setDeadline(deadlineMs: number): void {
    this.deadlineMs = deadlineMs;
    this.quietUntilMs = Math.min(deadlineMs, this.pool.review?.dueMs ?? Number.POSITIVE_INFINITY);
  }
}

/** Whoever gives it reads at once what came of it. */
function isOrder({ kind }: Signal): boolean {
  return kind === 'intent' || kind === 'weight' || kind === 'membership';
}

function restMs(backends: number): number {
  return backends <= ALWAYS_SETTLED ? 0 : backends * REST_MS_EACH;
}
