/**
 * The transitions of all upstreams, and notices beside them, in one numbered row: the last of each for who comes late, each new
 * one for who listens. They are kept apart, so that a chatty hook cannot crowd transitions out.
 * Invariant: ids grow by one, and every listener hears every event after its subscription, in that order.
 */

import { type Clock, wallTimeOf } from '../base/time.ts';
import {
  type EventFeed,
  eventOf,
  type HealthEvent,
  type LoggedEvent,
  type NewNotice,
  type Notice,
} from '../model/event.ts';
import type { Transition } from '../model/transition.ts';

const TRANSITIONS_KEPT = 1_000;
const NOTICES_KEPT = 200;

export class EventLog implements EventFeed {
  private readonly clock: Clock;
  private readonly transitions: HealthEvent[] = [];
  private readonly notices: Notice[] = [];
  private readonly listeners = new Set<(event: LoggedEvent) => void>();
  private lastId = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Returns the event that the transition became. */
  record(upstream: string, transition: Transition): HealthEvent {
    const event = eventOf(this.nextId(), wallTimeOf(this.clock, transition.at), upstream, transition);
    this.publish(event, this.transitions, TRANSITIONS_KEPT);
    return event;
  }

  /** Tells readers what is no transition, as of now. The caller logs it, where it belongs into the log. */
  note({ kind, upstream = null, backend = null, message }: NewNotice): Notice {
    const at = wallTimeOf(this.clock, this.clock.now());
    const notice = { id: this.nextId(), at, kind, upstream, backend, message };
    this.publish(notice, this.notices, NOTICES_KEPT);
    return notice;
  }

  since(id: number): readonly LoggedEvent[] {
    const kept = [...this.transitions, ...this.notices].sort((a, b) => a.id - b.id);
    // An id that we have not reached was given by an earlier process: nothing of ours is known to that reader.
    return id > this.lastId ? kept : kept.filter((event) => event.id > id);
  }

  subscribe(listener: (event: LoggedEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private nextId(): number {
    this.lastId += 1;
    return this.lastId;
  }

  private publish<T extends LoggedEvent>(event: T, kept: T[], capacity: number): void {
    kept.push(event);
    if (kept.length > capacity) kept.shift();
    for (const listener of this.listeners) listener(event);
  }
}
