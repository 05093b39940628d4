/**
 * Everything an upstream can learn. `at` is monotonic milliseconds and never decreases from one signal to the next.
 * A signal is plain data: it can be recorded, replayed and simulated.
 */

import type { BackendSpec } from './backend.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { LoadReport, LoadSource } from './load.ts';
import type { Memory } from './memory.ts';
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
  /** The answer says `x-pulsegate-drain: 1`: unless it passes, it is neither a pass nor a failure. Absent = false. */
  readonly draining?: boolean;
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
  /** A good answer to it has begun: should it last for hours, time ends the trial after all. Absent = none has. */
  readonly isAnswering?: boolean;
}

/** A heartbeat that the receiver has accepted. */
export interface HeartbeatSignal {
  readonly kind: 'heartbeat';
  readonly at: number;
  readonly backend: string;
  readonly heartbeat: Heartbeat;
}

/** A heartbeat that the receiver has refused: forged, replayed, malformed. Counted, and no evidence. */
export interface HeartbeatRefusedSignal {
  readonly kind: 'heartbeat_refused';
  readonly at: number;
  readonly backend: string;
  readonly reason: string;
}

/** A load report from a response or a probe; those of heartbeats come with them. */
export interface LoadSignal {
  readonly kind: 'load';
  readonly at: number;
  readonly backend: string;
  readonly source: LoadSource;
  /** null = malformed: counted, and no evidence. */
  readonly report: LoadReport | null;
}

/** What an answer to a request says besides. */
export interface NoticeSignal {
  readonly kind: 'notice';
  readonly at: number;
  readonly backend: string;
  /** `x-pulsegate-drain: 1` */
  readonly isDraining: boolean;
  /** `retry-after` of a 429 or 503; 0 = none. */
  readonly retryAfterMs: number;
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

/** What was known before a restart. */
export interface MemorySignal extends Memory {
  readonly kind: 'memory';
  readonly at: number;
  readonly backend: string;
}

/** The whole new set. Backends that stay (same id) keep everything that is known about them. */
export interface MembershipSignal {
  readonly kind: 'membership';
  readonly at: number;
  readonly backends: readonly BackendSpec[];
}

/** We ourselves did not run for a while, until now: nobody is to blame for what went wrong meanwhile (I14). */
export interface StallSignal {
  readonly kind: 'stall';
  readonly at: number;
  readonly stalledMs: number;
}

/** Time has passed: a deadline may have come. */
export interface TickSignal {
  readonly kind: 'tick';
  readonly at: number;
}

/** Signals about the whole pool; all others name a backend. */
export type PoolSignal = MembershipSignal | StallSignal | TickSignal;

export type Signal =
  | ProbeSignal
  | OutcomeSignal
  | TrialSignal
  | HeartbeatSignal
  | HeartbeatRefusedSignal
  | LoadSignal
  | NoticeSignal
  | MemorySignal
  | IntentSignal
  | WeightSignal
  | PoolSignal;
