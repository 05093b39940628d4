/**
 * Everything one upstream's engine knows of one backend: a detector per source, the operator's axis, and the status and weight
 * that followed. Signals write it through fold.ts; the status and what hangs on it are written by `settle` alone.
 */

import type { BackendSpec } from '../model/backend.ts';
import type { HealthSettings } from '../model/settings.ts';
import { type EvidenceSource, type Intent, isAvailable, isEligible, type Status } from '../model/status.ts';
import type { BackendView } from '../model/view.ts';
import { DrainNotice } from './drain-notice.ts';
import { ejectionDeadline } from './ejection.ts';
import { healthFactor } from './health-weight.ts';
import { HeartbeatDetector } from './heartbeat-detector.ts';
import type { LoadWeights } from './load-weight.ts';
import { OutlierDetector } from './outlier-detector.ts';
import { ProbeDetector } from './probe-detector.ts';
import { Ramp } from './slow-start.ts';
import { objector, type Removal, rule, type Verdicts } from './status-table.ts';

/** What changed a verdict in this step, for the transition that may follow. */
export interface Note {
  readonly source: EvidenceSource;
  readonly reason: string;
}

export class BackendRecord {
  spec: BackendSpec;
  readonly probe: ProbeDetector;
  /** null = no heartbeats are received. */
  heartbeat: HeartbeatDetector | null;
  /** null = traffic is not judged. */
  outlier: OutlierDetector | null;
  readonly drain = new DrainNotice();
  readonly ramp: Ramp;
  /** The pool's; null = reports are not read. */
  load: LoadWeights | null;
  intent: { value: Intent; by: string | null; sinceMs: number | null } = { value: 'enabled', by: null, sinceMs: null };
  /** What it says of itself, and by which way. */
  self: Verdicts['self'] = { report: 'up', source: 'heartbeat' };
  /** Set by an operator; null = as configured. */
  weight: number | null = null;
  /** It asked for less until then. */
  throttledUntilMs = Number.NEGATIVE_INFINITY;
  /** What its weight is multiplied with. */
  factor = 1;
  /** The part of it that load reports make. */
  loadFactor = 1;
  status: Status;
  reason: string;
  sinceMs: number;
  /** Grows whenever the backend leaves or re-enters service: outcomes of leases from before judge nothing. */
  epoch: number;
  /** It has been in service at least once: only then is its removal a loss that the budget must grant. */
  proven: boolean;
  /** When soft evidence began to ask for removal; null while it does not. */
  askingSinceMs: number | null = null;
  removal: Removal;
  /** It was out of service, and has not stood a trial since: it may be back under suspicion only because a removal was withheld. */
  owesTrial = false;
  note: Note | null = null;
  /**
   * Nobody listens: the last probe was refused, and traffic since the probes began to fail was refused too, or there was none.
   * Decided with each probe only, so that mixed traffic cannot make it change back and forth.
   */
  isRefused = false;
  /** The last judged attempt from traffic: when, and whether nobody listened. */
  lastAttemptMs = Number.NEGATIVE_INFINITY;
  /** When it last answered a request as it should. */
  lastAnswerMs = Number.NEGATIVE_INFINITY;
  lastAttemptRefused = false;
  /** It drains, and nothing else speaks against it. */
  private keepsSessions = false;
  /** As its heartbeats said when the pool was last settled; null = nothing. */
  private role: string | null = null;
  /** Heartbeats that the receiver refused. */
  refusedHeartbeats = 0;
  private isHeartbeatRequired: boolean;

  constructor(spec: BackendSpec, settings: HealthSettings, load: LoadWeights | null, epoch: number, at: number) {
    this.spec = spec;
    this.load = load;
    this.epoch = epoch;
    this.probe = new ProbeDetector(settings.probe, settings.initialState);
    this.heartbeat = settings.heartbeat === null ? null : new HeartbeatDetector(settings.heartbeat);
    this.isHeartbeatRequired = settings.heartbeat?.required ?? false;
    this.outlier = settings.outliers === null ? null : new OutlierDetector(settings.outliers);
    this.ramp = new Ramp(settings.slowStart);
    this.removal = this.probe.verdict === 'down' ? 'granted' : 'over_budget';
    const { status, source } = rule(this.verdicts);
    this.status = status;
    this.proven = isAvailable(status);
    this.reason = source === 'heartbeat' ? 'waiting for the first heartbeat' : REASON_AT_FIRST[this.probe.verdict];
    this.sinceMs = at;
  }

  /** What is known stays, as far as the new settings still ask for it (I8). */
  configure(settings: HealthSettings, load: LoadWeights | null): void {
    const { heartbeat, outliers, slowStart } = settings;
    this.load = load;
    this.probe.configure(settings.probe);
    if (heartbeat === null) this.heartbeat = null;
    else if (this.heartbeat === null) this.heartbeat = new HeartbeatDetector(heartbeat);
    else this.heartbeat.configure(heartbeat);
    this.isHeartbeatRequired = heartbeat?.required ?? false;
    if (outliers === null) this.outlier = null;
    else if (this.outlier === null) this.outlier = new OutlierDetector(outliers);
    else this.outlier.configure(outliers);
    this.ramp.configure(slowStart);
  }

  get verdicts(): Verdicts {
    return {
      intent: this.intent.value,
      self: this.self,
      probe: this.probe.verdict,
      heartbeat: this.heartbeat?.verdict ?? 'off',
      isHeartbeatRequired: this.isHeartbeatRequired,
      outcomes: this.outlier?.ejection.kind ?? 'off',
      isSlow: this.outlier?.isSlow ?? false,
      removal: this.removal,
    };
  }

  get isEligible(): boolean {
    return this.intent.value === 'enabled' && this.self.report !== 'draining';
  }

  /** What nobody needs to grant: nobody listens, or the backend itself says that it is down. */
  get isRemovalHard(): boolean {
    return this.self.report === 'down' || (this.asksForRemoval && this.isRefused);
  }

  get asksForRemoval(): boolean {
    return this.isEligible && objector(this.verdicts) !== null;
  }

  /** Whether sources disagree, or a streak is being counted: the next probe is worth having soon. */
  get isDoubtful(): boolean {
    const outcomes = this.outlier?.ejection.kind ?? 'off';
    const blamedByTraffic = outcomes === 'held' || outcomes === 'ejected' || outcomes === 'trial';
    return this.probe.isCounting || this.status === 'suspect' || (this.probe.verdict === 'up' && blamedByTraffic);
  }

  /**
   * Whether other sources say all that a probe could: heartbeats are fresh, and traffic has succeeded since the probe before the
   * last.
   */
  get isVouchedFor(): boolean {
    const { status, heartbeat, outlier, probe, lastAttemptMs } = this;
    return (
      status === 'up' && heartbeat?.verdict === 'alive' && outlier?.streak === 0 && lastAttemptMs > probe.previousMs
    );
  }

  get baseWeight(): number {
    return this.weight ?? this.spec.weight;
  }

  /** Whether it says something else of itself than it was last heard to. */
  hasNewWord(at: number): boolean {
    const { report, source } = this.selfAt(at);
    return report !== this.self.report || source !== this.self.source;
  }

  /** Lets time pass for every source. */
  advance(at: number): void {
    if (this.heartbeat?.advance(at)) this.note = { source: 'heartbeat', reason: this.heartbeat.explain(at) };
    const news = this.outlier?.expire(at) ?? null;
    if (news !== null) this.note = { source: 'outcomes', reason: news };
    const before = this.self;
    this.self = this.selfAt(at);
    if (this.self.report === 'up' && before.report !== 'up') {
      this.note ??= { source: before.source, reason: `it no longer says that it is ${before.report}` };
    }
  }

  /** Computes anew what routing reads besides the status; true when something of it changed. */
  refresh(load: number, at: number): boolean {
    const { factor, keepsSessions, role, status, throttledUntilMs, ramp } = this;
    const isThrottled = at < throttledUntilMs;
    this.factor = healthFactor({ status, isThrottled, ramp: ramp.factorAt(at), load });
    this.loadFactor = load;
    this.keepsSessions = status === 'draining' && !this.isRefused && objector(this.verdicts) === null;
    this.role = this.heartbeat?.role ?? null;
    return this.factor !== factor || this.keepsSessions !== keepsSessions || this.role !== role;
  }

  /** When time alone will change something: after `at`, infinity when nothing will. */
  nextDeadline(at: number): number {
    const { outlier, heartbeat, drain, ramp, throttledUntilMs } = this;
    let deadlineMs = Math.min(heartbeat?.nextDeadline(at) ?? Number.POSITIVE_INFINITY, ramp.nextStep(at));
    if (outlier !== null) deadlineMs = Math.min(deadlineMs, ejectionDeadline(outlier.ejection));
    if (drain.deadline > at) deadlineMs = Math.min(deadlineMs, drain.deadline);
    return throttledUntilMs > at ? Math.min(deadlineMs, throttledUntilMs) : deadlineMs;
  }

  view(): BackendView {
    return {
      id: this.spec.id,
      status: this.status,
      baseWeight: this.baseWeight,
      factor: this.factor,
      loadFactor: this.loadFactor,
      epoch: this.epoch,
      reason: this.reason,
      since: this.sinceMs,
      proven: this.proven,
      hopeless: this.isRefused || this.self.report === 'down',
      held: this.status === 'suspect' && (this.removal === 'mass_failure' || this.removal === 'new_probes'),
      failures: this.probe.failures + (this.outlier?.streak ?? 0),
      keepsSessions: this.keepsSessions,
      role: this.heartbeat?.role ?? null,
    };
  }

  private selfAt(at: number): Verdicts['self'] {
    const heartbeat = this.heartbeat?.selfReport(at) ?? 'up';
    const drains = heartbeat === 'draining' ? 'heartbeat' : this.drain.sourceAt(at);
    return drains === null ? { report: heartbeat, source: 'heartbeat' } : { report: 'draining', source: drains };
  }
}

/** Out of service for a reason that a return must answer for: it leads through a trial. */
export function needsTrialFrom(status: Status): boolean {
  return status === 'down' || status === 'ejected' || !isEligible(status);
}

const REASON_AT_FIRST = {
  off: 'not probed, so taken as up',
  unknown: 'waiting for the first probe',
  up: 'taken as up until probes say otherwise',
  down: 'taken as down until probes pass',
} as const;
