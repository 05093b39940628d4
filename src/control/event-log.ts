/**
 * The transitions of all upstreams in one numbered row: the last thousand for who comes late, each new one for who listens.
 * Invariant: ids grow by one, and every listener hears every event after its subscription, in that order.
 */

import { type Clock, wallTimeOf } from '../base/time.ts';
import { type EventFeed, eventOf, type HealthEvent } from '../model/event.ts';
import type { Transition } from '../model/transition.ts';

const KEPT = 1_000;

export class EventLog implements EventFeed {
  private readonly clock: Clock;
  private readonly kept: HealthEvent[] = [];
  private readonly listeners = new Set<(event: HealthEvent) => void>();
  private lastId = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Returns the event that the transition became. */
  record(upstream: string, transition: Transition): HealthEvent {
    this.lastId += 1;
    const event = eventOf(this.lastId, wallTimeOf(this.clock, transition.at), upstream, transition);
    this.kept.push(event);
    if (this.kept.length > KEPT) this.kept.shift();
    for (const listener of this.listeners) listener(event);
    return event;
  }

  since(id: number): readonly HealthEvent[] {
    // An id that we have not reached was given by an earlier process: nothing of ours is known to that reader.
    return id > this.lastId ? [...this.kept] : this.kept.filter((event) => event.id > id);
  }

  subscribe(listener: (event: HealthEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
