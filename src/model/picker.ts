/**
 * A policy bound to one snapshot's candidates. Picking allocates nothing and waits for nothing.
 */

import type { Candidate } from './snapshot.ts';

/** What a request brings to the choice. */
export interface PickRequest {
  /** Slots already tried by this request; null on the first try. */
  readonly tried: readonly number[] | null;
  /** 32-bit hash of the key for consistent hashing; 0 when the policy uses none. */
  readonly hash: number;
  /** It can be made again if it fails: only such a request is risked on a trial while there is another choice. */
  readonly repeatable: boolean;
  /** Slot of the backend that a sticky session belongs to; -1 = free to go anywhere. */
  readonly pinned: number;
}

/** Hot counters, indexed by slot; owned by the ledger. */
export interface LoadReader {
  /** Requests in flight to this backend from this process. */
  inFlight(slot: number): number;
  /** Whether one more request may start now: below its caps, and for a trial, none under way. */
  hasRoom(slot: number, trial: boolean): boolean;
  /** How slow its answers are against the pool's, for what is in flight; 1 = as the pool, or unknown. Failing raises it. > 0 */
  slowness(slot: number): number;
}

export interface Picker {
  /**
   * A candidate with room, or null when there is none (I4). Untried backends are preferred; a tried one is returned
   * only when every untried candidate has no room or does not exist.
   */
  pick(request: PickRequest): Candidate | null;
}
