/**
 * What happened, as the outside reads it (INTERFACE §7): transitions, and notices of what is not one backend's change of status.
 * Both are in `/events` and `pulsegate events`, numbered in one row; recordings and replays hold transitions only.
 */

import type { EvidenceSource, Status } from './status.ts';
import type { Transition } from './transition.ts';

export interface HealthEvent {
  /** Grows with every transition and notice of the process, whichever upstream's. */
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

/**
 * An upstream begins or ends to serve by its panic rules; most of a pool begins to fail at once, or is no longer suspected to;
 * a hook has run or failed; the configuration was reloaded or refused; a worker came or went.
 */
export type NoticeKind = 'panic' | 'panic_end' | 'mass_failure' | 'mass_failure_end' | 'hook' | 'reload' | 'worker';

export interface Notice {
  /** In the same row as the transitions' ids. */
  readonly id: number;
  /** ISO 8601 wall clock. */
  readonly at: string;
  readonly kind: NoticeKind;
  /** null = it concerns no single one. */
  readonly upstream: string | null;
  readonly backend: string | null;
  /** A sentence with its evidence, without any secret. */
  readonly message: string;
}

/** A notice before it has its place in the row; an upstream or backend that is left out is none. */
export interface NewNotice {
  readonly kind: NoticeKind;
  readonly upstream?: string | null;
  readonly backend?: string | null;
  readonly message: string;
}

export type LoggedEvent = HealthEvent | Notice;

/** Where readers get events: what is kept of the past, and what comes. */
export interface EventFeed {
  /** Events after the one with this id, oldest first, as far back as they are kept; 0 = all of them. */
  since(id: number): readonly LoggedEvent[];
  /** Calls `listener` with every event to come. Returns what ends that. */
  subscribe(listener: (event: LoggedEvent) => void): () => void;
}

/** @param at wall clock of the transition, ISO 8601 */
export function eventOf(id: number, at: string, upstream: string, transition: Transition): HealthEvent {
  const { backend, from, to, reason, source } = transition;
  return { id, at, upstream, backend, from, to, reason, source };
}

export function isNotice(event: LoggedEvent): event is Notice {
  return 'kind' in event;
}
