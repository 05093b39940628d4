/** Transitions as the outside reads them: `/events`, `pulsegate events`, recordings and replays (INTERFACE §7). */

import type { EvidenceSource, Status } from './status.ts';
import type { Transition } from './transition.ts';

export interface HealthEvent {
  /** Grows with every transition of the process, whichever upstream's. */
  readonly id: number;
  /** ISO 8601 wall clock. */
  readonly at: string;
  readonly upstream: string;
  readonly backend: string;
  readonly from: Status;
  readonly to: Status;
  readonly reason: string;
  readonly source: EvidenceSource;
}

/** Where readers get events: what is kept of the past, and what comes. */
export interface EventFeed {
  /** Events after the one with this id, oldest first, as far back as they are kept; 0 = all of them. */
  since(id: number): readonly HealthEvent[];
  /** Calls `listener` with every event to come. Returns what ends that. */
  subscribe(listener: (event: HealthEvent) => void): () => void;
}

/** @param at wall clock of the transition, ISO 8601 */
export function eventOf(id: number, at: string, upstream: string, transition: Transition): HealthEvent {
  const { backend, from, to, reason, source } = transition;
  return { id, at, upstream, backend, from, to, reason, source };
}
