/**
 * Everything one upstream's engine knows of one backend: a detector per source, the operator's axis, and the status that
 * followed. Only the engine writes it; the status is written by `settle` alone.
 */

import type { BackendSpec } from '../model/backend.ts';
import type { HealthSettings } from '../model/settings.ts';
import { type EvidenceSource, type Intent, isAvailable, isEligible, type Status } from '../model/status.ts';
import type { BackendView } from '../model/view.ts';
import { ejectionDeadline } from './ejection.ts';
import { OutlierDetector } from './outlier-detector.ts';
import { ProbeDetector } from './probe-detector.ts';
import { asksForRemoval, rule, type Verdicts } from './status-table.ts';

/** What a suspect backend's weight is multiplied with: enough traffic to clear it, little enough to bear. */
export const SUSPECT_FACTOR = 0.25;

/** What changed a verdict in this step, for the transition that may follow. */
export interface Note {
  readonly source: EvidenceSource;
  readonly reason: string;
}

export class BackendRecord {
  spec: BackendSpec;
  readonly probe: ProbeDetector;
  /** null = traffic is not judged. */
  readonly outlier: OutlierDetector | null;
  intent: { value: Intent; by: string | null; sinceMs: number | null } = { value: 'enabled', by: null, sinceMs: null };
  /** Set by an operator; null = as configured. */
  weight: number | null = null;
  status: Status;
  reason: string;
  sinceMs: number;
  /** Grows whenever the backend leaves or re-enters service: outcomes of leases from before judge nothing. */
  epoch: number;
  /** It has been in service at least once: only then is its removal a loss that the budget must grant. */
  proven: boolean;
  /** When soft evidence began to ask for removal; null while it does not. */
  askingSinceMs: number | null = null;
  removalGranted = false;
  note: Note | null = null;
  /**
   * Nobody listens: the last probe was refused, and traffic since the probes began to fail was refused too, or there was none.
   * Decided with each probe only, so that mixed traffic cannot make it change back and forth.
   */
  isRefused = false;
  /** The last judged attempt from traffic: when, and whether nobody listened. */
  lastAttemptMs = Number.NEGATIVE_INFINITY;
  lastAttemptRefused = false;

  constructor(spec: BackendSpec, settings: HealthSettings, epoch: number, at: number) {
    this.spec = spec;
    this.epoch = epoch;
    this.probe = new ProbeDetector(settings.probe, settings.initialState);
    this.outlier = settings.outliers === null ? null : new OutlierDetector(settings.outliers);
    this.removalGranted = this.probe.verdict === 'down';
    this.status = rule(this.verdicts).status;
    this.proven = isAvailable(this.status);
    this.reason = REASON_AT_FIRST[this.probe.verdict];
    this.sinceMs = at;
  }

  get verdicts(): Verdicts {
    return {
      intent: this.intent.value,
      probe: this.probe.verdict,
      outcomes: this.outlier?.ejection.kind ?? 'off',
      removalGranted: this.removalGranted,
    };
  }

  get isEligible(): boolean {
    return this.intent.value === 'enabled';
  }

  get asksForRemoval(): boolean {
    return this.isEligible && asksForRemoval(this.probe.verdict, this.outlier?.ejection.kind ?? 'off');
  }

  /** Whether sources disagree, or a streak is being counted: the next probe is worth having soon. */
  get isDoubtful(): boolean {
    const outcomes = this.outlier?.ejection.kind ?? 'off';
    const blamedByTraffic = outcomes === 'held' || outcomes === 'ejected' || outcomes === 'trial';
    return this.probe.isCounting || this.status === 'suspect' || (this.probe.verdict === 'up' && blamedByTraffic);
  }

  get baseWeight(): number {
    return this.weight ?? this.spec.weight;
  }

  /** When time alone will change something; infinity when it will not. */
  get deadline(): number {
    return this.outlier === null ? Number.POSITIVE_INFINITY : ejectionDeadline(this.outlier.ejection);
  }

  view(): BackendView {
    return {
      id: this.spec.id,
      status: this.status,
      baseWeight: this.baseWeight,
      factor: this.status === 'suspect' ? SUSPECT_FACTOR : 1,
      epoch: this.epoch,
      reason: this.reason,
      since: this.sinceMs,
      proven: this.proven,
      refused: this.isRefused,
      failures: this.probe.failures + (this.outlier?.streak ?? 0),
    };
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
