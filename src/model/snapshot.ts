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
  /** > 0 */
  readonly weight: number;
  /** One request at a time. */
  readonly trial: boolean;
  /** Travels with the lease into the outcome; grows when the backend leaves or re-enters service. */
  readonly epoch: number;
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
  readonly candidates: readonly Candidate[];
}
