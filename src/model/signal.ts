/**
 * Everything an upstream can learn. `at` is monotonic milliseconds and never decreases from one signal to the next.
 * A signal is plain data: it can be recorded, replayed and simulated.
 */

import type { BackendSpec } from './backend.ts';
import type { OutcomeClass } from './outcome.ts';
import type { Intent } from './status.ts';

export interface ProbeResult {
  readonly ok: boolean;
  /** The status code, when an answer came. */
  readonly status: number | null;
  readonly latencyMs: number;
  /** What people read: `200 OK`, `connect ECONNREFUSED`, `no answer within 2 s`. */
  readonly detail: string;
  /** The connection was refused: nobody listens there. */
  readonly refused: boolean;
}

export interface ProbeSignal extends ProbeResult {
  readonly kind: 'probe';
  readonly at: number;
  readonly backend: string;
}

export interface OutcomeSignal {
  readonly kind: 'outcome';
  readonly at: number;
  readonly backend: string;
  readonly outcome: OutcomeClass;
  /** The backend's epoch when the lease began: a straggler from before a change of service judges nothing. */
  readonly epoch: number;
  /** Milliseconds until the answer's head; for failures, until the failure. */
  readonly latencyMs: number;
  /** Why it failed, for people; empty for successes. */
  readonly detail: string;
}

/** The request that will decide a trial is under way: from now on its outcome ends the trial, not time. */
export interface TrialSignal {
  readonly kind: 'trial';
  readonly at: number;
  readonly backend: string;
  /** Of the lease, as in its outcome. */
  readonly epoch: number;
}

export interface IntentSignal {
  readonly kind: 'intent';
  readonly at: number;
  readonly backend: string;
  readonly intent: Intent;
  /** Who asked: an address or a name, for the audit. */
  readonly by: string;
}

export interface WeightSignal {
  readonly kind: 'weight';
  readonly at: number;
  readonly backend: string;
  /** > 0 */
  readonly weight: number;
  readonly by: string;
}

/** The whole new set. Backends that stay (same id) keep everything that is known about them. */
export interface MembershipSignal {
  readonly kind: 'membership';
  readonly at: number;
  readonly backends: readonly BackendSpec[];
}

/** Time has passed: a deadline may have come. */
export interface TickSignal {
  readonly kind: 'tick';
  readonly at: number;
}

export type Signal =
  | ProbeSignal
  | OutcomeSignal
  | TrialSignal
  | IntentSignal
  | WeightSignal
  | MembershipSignal
  | TickSignal;
