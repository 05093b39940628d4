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
  /**
   * In flight, and failures that are not forgiven yet: one is, for each backend in turn, with every outcome in the pool. So a
   * backend that fails at once is asked no more often than in its turn, however idle it looks.
   */
  burden(slot: number): number;
  /** How slow its answers are against the pool's, for what is in flight; 1 = as the pool, or unknown. > 0 */
  slowness(slot: number): number;
  /** Mean time to the head of its answers, failures counted as slow; the pool's median while unknown. Kept for peak_ewma and prequal. > 0 */
  latencyMs(slot: number): number;
  /** In flight there from everybody, by what it last reported and what has happened since. Kept for prequal. */
  totalInFlight(slot: number): number;
  /** More than this in flight is more than most of the pool had. Kept for prequal. */
  hotFrom(): number;
}

export interface Picker {
  /**
   * A candidate with room, or null when there is none (I4). Untried backends are preferred; a tried one is returned
   * only when every untried candidate has no room or does not exist.
   */
  pick(request: PickRequest): Candidate | null;
}
