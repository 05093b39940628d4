/**
 * Folds signals into health: the one decision maker of an upstream. Deterministic: time comes with the signal, and the same
 * signals in the same order give the same transitions (I7). Does no I/O, arms no timer, draws no random number.
 *
 * A step first lets the source that spoke update its own verdict; only when a verdict changed, or a deadline came, is the
 * whole pool settled: deadlines, budget, status table, trials, transitions.
 */

import { invariant } from '../base/invariant.ts';
import type { BackendSpec } from '../model/backend.ts';
import { judge } from '../model/outcome.ts';
import type { HealthSettings } from '../model/settings.ts';
import type { OutcomeSignal, ProbeSignal, Signal } from '../model/signal.ts';
import type { Transition } from '../model/transition.ts';
import type { BackendView } from '../model/view.ts';
import { BackendRecord } from './backend-record.ts';
import { probeReason } from './reasons.ts';
import { settle } from './settle.ts';

const NO_TRANSITIONS: readonly Transition[] = [];

export class HealthEngine {
  /** Grows whenever `views()` would say something else. */
  version = 1;
  private readonly settings: HealthSettings;
  private records: Map<string, BackendRecord>;
  private lastAtMs: number;
  private deadlineMs = Number.POSITIVE_INFINITY;
  private lastTransitionId = 0;

  constructor(settings: HealthSettings, backends: readonly BackendSpec[], at: number) {
    this.settings = settings;
    this.records = new Map(backends.map((spec) => [spec.id, new BackendRecord(spec, settings, 1, at)]));
    this.lastAtMs = at;
  }

  /**
   * The commonest signal by far, on the shortest path: a success that changes no verdict. True when that is all it was and
   * it has been counted; false when `step` must judge it. Both ways leave the same state behind.
   */
  absorbSuccess(backend: string, epoch: number, at: number): boolean {
    const record = this.records.get(backend);
    if (record === undefined || at >= this.deadlineMs) return false;
    if (epoch !== record.epoch || record.status !== 'up') return false;
    this.lastAtMs = at;
    record.lastAttemptMs = at;
    record.lastAttemptRefused = false;
    record.outlier?.count(false, at);
    record.outlier?.succeed(at);
    return true;
  }

  /** Folds one signal in. `signal.at` must not decrease. Signals about unknown backends change nothing. */
  step(signal: Signal): readonly Transition[] {
    invariant(signal.at >= this.lastAtMs, `signals go back in time: ${signal.at} after ${this.lastAtMs}`);
    const at = Math.max(signal.at, this.lastAtMs);
    this.lastAtMs = at;
    const changed = this.apply(signal, at);
    if (!changed && at < this.deadlineMs) return NO_TRANSITIONS;
    const settled = settle([...this.records.values()], this.settings, at);
    this.deadlineMs = settled.deadlineMs;
    if (changed || settled.changes.length > 0) this.version += 1;
    return settled.changes.map((change) => {
      this.lastTransitionId += 1;
      return { id: this.lastTransitionId, at, ...change };
    });
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

  /** True when a verdict, an intent or a weight changed: the pool must be settled anew. */
  private apply(signal: Signal, at: number): boolean {
    if (signal.kind === 'tick') return false;
    if (signal.kind === 'membership') return this.applyMembership(signal.backends, at);
    const record = this.records.get(signal.backend);
    if (record === undefined) return false;
    switch (signal.kind) {
      case 'probe':
        return applyProbe(record, signal, at);
      case 'outcome':
        return applyOutcome(record, signal, at);
      case 'trial':
        return signal.epoch === record.epoch && applyTrial(record, true, at);
      case 'intent':
        if (record.intent.value === signal.intent) return false;
        record.intent = { value: signal.intent, by: signal.by, sinceMs: at };
        record.note = { source: 'operator', reason: `${signal.intent} by ${signal.by}` };
        return true;
      case 'weight':
        record.weight = signal.weight;
        return true;
    }
  }

  /** Who stays keeps all that is known (I8); a weight set at run time yields only to a new one in the configuration. */
  private applyMembership(backends: readonly BackendSpec[], at: number): boolean {
    const records = new Map<string, BackendRecord>();
    // No epoch has grown faster than the version, so a backend that comes back is not judged by leases from before it left.
    const epoch = this.version + 1;
    for (const spec of backends) {
      const record = this.records.get(spec.id) ?? new BackendRecord(spec, this.settings, epoch, at);
      if (record.spec.weight !== spec.weight) record.weight = null;
      record.spec = spec;
      records.set(spec.id, record);
    }
    this.records = records;
    return true;
  }
}

function applyProbe(record: BackendRecord, signal: ProbeSignal, at: number): boolean {
  const wasRefused = record.isRefused;
  const changed = record.probe.observe(signal, at);
  record.isRefused =
    signal.refused && (record.lastAttemptRefused || record.lastAttemptMs < record.probe.failingSinceMs);
  if (changed) record.note = { source: 'probe', reason: probeReason(record.probe) };
  return changed || (record.asksForRemoval && record.isRefused !== wasRefused);
}

function applyOutcome(record: BackendRecord, signal: OutcomeSignal, at: number): boolean {
  const judgement = judge(signal.outcome);
  const failed = judgement === 'failure';
  const { outlier } = record;
  if (judgement !== 'ignored') outlier?.count(failed, at);
  // A straggler from before the backend last left or re-entered service says nothing about it as it is now.
  if (signal.epoch !== record.epoch) return false;
  if (judgement === 'ignored') return applyTrial(record, false, at);
  record.lastAttemptMs = at;
  record.lastAttemptRefused = signal.outcome === 'connect_refused';
  const news = failed ? outlier?.fail(signal.detail || signal.outcome, at) : outlier?.succeed(at);
  if (news === null || news === undefined) return false;
  record.note = { source: 'outcomes', reason: news };
  return true;
}

/** True when the deadline moved. */
function applyTrial({ outlier }: BackendRecord, isUnderWay: boolean, at: number): boolean {
  if (outlier?.ejection.kind !== 'trial') return false;
  outlier.awaitTrial(isUnderWay, at);
  return true;
}
