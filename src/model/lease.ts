/** The seam between routing and health: the data plane takes leases, the control plane learns from their ends. */

import type { Backend } from './backend.ts';
import type { OutcomeClass } from './outcome.ts';
import type { PickRequest } from './picker.ts';
import type { Snapshot } from './snapshot.ts';

/** What an answer says of its backend, besides the answer; a parsed response head is one as it is. */
export interface AnswerHint {
  readonly status: number;
  /** `endpoint-load-metrics` and `endpoint-load-metrics-bin`; '' when absent. */
  readonly loadReport: string;
  readonly loadReportBin: string;
  /** `x-pulsegate-drain: 1` */
  readonly drain: boolean;
  /** '' when absent. */
  readonly retryAfter: string;
}

/** Whether there is anything in it: most answers have none, and cost no more than this. */
export function isHinting({ loadReport, loadReportBin, drain, retryAfter }: AnswerHint): boolean {
  return loadReport !== '' || loadReportBin !== '' || drain || retryAfter !== '';
}

export interface Lease {
  readonly backend: Backend;
  /** How this attempt ends decides whether the backend returns to service. */
  readonly isTrial: boolean;
  /** The answer's head, or its trailers, hint at something; before `end`. */
  hint(hint: AnswerHint): void;
  /** On a trial: a good answer has begun, which may last; before `end`. */
  answering(): void;
  /**
   * Posts the outcome while the place stays taken: a tunnel has opened, and what becomes of it says nothing about its backend.
   * At most once; `end` then frees the place and no more.
   */
  settle(outcome: OutcomeClass, latencyMs: number): void;
  /**
   * Ends the lease, exactly once (I2): frees its place and posts the outcome.
   * @param latencyMs until the answer's head, or until the failure
   * @param detail why it failed, for people; empty for successes
   */
  end(outcome: OutcomeClass, latencyMs: number, detail: string): void;
}

/** An upstream as requests see it. */
export interface Pool {
  readonly name: string;
  readonly snapshot: Snapshot;
  /** A lease on a backend with room, or null when no backend may take the request now. */
  acquire(request: PickRequest): Lease | null;
  /** Called, at most once per turn, after room came free or the snapshot changed: waiting requests try again. */
  onRoom: (() => void) | null;
}
