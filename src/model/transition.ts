import type { EvidenceSource, Status } from './status.ts';

/** A change of one backend's status: exactly one per change, with the numbers that decided it (I6). */
export interface Transition {
  /** Grows by one with every transition of the upstream's engine. */
  readonly id: number;
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly backend: string;
  readonly from: Status;
  readonly to: Status;
  /** `3 probes failed in a row, last: connect ECONNREFUSED` */
  readonly reason: string;
  readonly source: EvidenceSource;
}
