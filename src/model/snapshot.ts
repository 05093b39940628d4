/**
 * What health projects for routing: frozen, replaced as a whole, read by every request.
 */

import type { Backend } from './backend.ts';
import type { Status, UpstreamStatus } from './status.ts';

export interface SnapshotEntry {
  readonly backend: Backend;
  readonly status: Status;
  /** Takes new requests outside panic. */
  readonly available: boolean;
  /** Base weight x health factors, >= 0; 0 when it takes no requests. */
  readonly weight: number;
  /** The last transition's reason. */
  readonly reason: string;
  /** Monotonic milliseconds of the last transition. */
  readonly since: number;
}

/** A backend that may be picked now. */
export interface Candidate {
  readonly backend: Backend;
  /** Base weight x health factors, > 0. */
  readonly weight: number;
  /** As configured, or as an operator set it; > 0. For policies that must not move with load and slow start. */
  readonly baseWeight: number;
  /** What load reports make of its weight, which contains it; 1 = like its peers. For policies that measure load themselves. */
  readonly loadFactor: number;
  /** One request at a time. */
  readonly trial: boolean;
  /** Travels with the lease into the outcome; grows when the backend leaves or re-enters service. */
  readonly epoch: number;
}

/** A place at a backend that one attempt takes. */
export type Place = Pick<Candidate, 'backend' | 'trial' | 'epoch'>;

/** Candidates that are served from together: those of one priority level, or of one side of it where zones matter. */
export interface CandidateGroup {
  /** 0 is used first. */
  readonly priority: number;
  /** Our own zone, or the others; `all` where zones do not matter. */
  readonly zone: 'all' | 'local' | 'remote';
  /** Of the requests, 0 to 1; all groups' together make 1. A group whose share is 0 takes what the others have no room for. */
  readonly share: number;
  /** At least one. */
  readonly candidates: readonly Candidate[];
}

export interface Snapshot {
  /** Grows by one with every projection (I5). */
  readonly version: number;
  readonly at: number;
  readonly status: UpstreamStatus;
  /** Fewer than `panic.threshold` of the eligible backends are available: candidates are chosen by `panic.mode`. */
  readonly panic: boolean;
  readonly available: number;
  readonly total: number;
  readonly entries: readonly SnapshotEntry[];
  /** Everybody who may be picked, in the configuration's order. */
  readonly candidates: readonly Candidate[];
  /** The same, in groups, those to be preferred first; empty when there are no candidates. */
  readonly groups: readonly CandidateGroup[];
  /** Draining backends that nothing speaks against: they keep the sessions that are pinned to them, and get nothing else. */
  readonly pinnedOnly: readonly Candidate[];
}
