/** What the health engine says of one backend; the projection into a pool reads nothing else. */

import type { Status } from './status.ts';

export interface BackendView {
  readonly id: string;
  readonly status: Status;
  /** As configured, or as an operator set it; > 0. */
  readonly baseWeight: number;
  /** What health multiplies it with, > 0; above 1 only by load. */
  readonly factor: number;
  /** The part of it that load reports make; 1 = like its peers. */
  readonly loadFactor: number;
  /** Grows whenever the backend leaves or re-enters service. */
  readonly epoch: number;
  /** The last transition's reason. */
  readonly reason: string;
  /** Monotonic milliseconds of the last transition. */
  readonly since: number;
  /** It has been in service at least once. */
  readonly proven: boolean;
  /** What speaks against it is beyond doubt: nobody listens, or it says itself that it is down. */
  readonly hopeless: boolean;
  /** It would be out of service, did not most of the pool fail at once: it serves as panic rules say. */
  readonly held: boolean;
  /** Failures in a row, of probes and of traffic together: how bad it is, against others. */
  readonly failures: number;
  /** It drains, and nothing else speaks against it: the sessions that are pinned to it may stay. */
  readonly keepsSessions: boolean;
  /** As its heartbeats say, while they come; null = they say nothing of it. */
  readonly role: string | null;
}
