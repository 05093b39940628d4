/** One place at one backend, taken by the upstream for one attempt. It ends exactly once (I2); a second end is our own bug. */

import { invariant } from '../base/invariant.ts';
import type { Backend } from '../model/backend.ts';
import type { AnswerHint, Lease } from '../model/lease.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { Place } from '../model/snapshot.ts';

/** Who gave the lease, and learns what comes of it. */
export interface LeaseOwner {
  heed(place: Place, hint: AnswerHint): void;
  /** A good answer to the request that decides a trial has begun. */
  noteAnswer(place: Place): void;
  /** @param isOver its place is free again */
  settle(place: Place, outcome: OutcomeClass, latencyMs: number, detail: string, isOver: boolean): void;
  /** The place of a lease whose outcome was settled before is free. */
  vacate(place: Place): void;
}

export class BackendLease implements Lease {
  readonly backend: Backend;
  private readonly place: Place;
  private readonly owner: LeaseOwner;
  private ended = false;
  private settled = false;

  constructor(place: Place, owner: LeaseOwner) {
    this.backend = place.backend;
    this.place = place;
    this.owner = owner;
  }

  get isTrial(): boolean {
    return this.place.trial;
  }

  hint(hint: AnswerHint): void {
    if (!this.ended) this.owner.heed(this.place, hint);
  }

  answering(): void {
    if (this.isTrial && !this.ended) this.owner.noteAnswer(this.place);
  }

  settle(outcome: OutcomeClass, latencyMs: number): void {
    if (this.ended || this.settled) return;
    this.settled = true;
    this.owner.settle(this.place, outcome, latencyMs, '', false);
  }

  end(outcome: OutcomeClass, latencyMs: number, detail: string): void {
    invariant(!this.ended, `lease on ${this.backend.id} ended twice`);
    if (this.ended) return;
    this.ended = true;
    if (this.settled) this.owner.vacate(this.place);
    else this.owner.settle(this.place, outcome, latencyMs, detail, true);
  }
}
