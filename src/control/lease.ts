/** One place at one backend, taken by the upstream for one attempt. It ends exactly once (I2); a second end is our own bug. */

import { invariant } from '../base/invariant.ts';
import type { Backend } from '../model/backend.ts';
import type { AnswerHint, Lease } from '../model/lease.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { Candidate } from '../model/snapshot.ts';

/** Who gave the lease, and learns what comes of it. */
export interface LeaseOwner {
  heed(candidate: Candidate, hint: AnswerHint): void;
  /** A good answer to the request that decides a trial has begun. */
  noteAnswer(candidate: Candidate): void;
  /** @param isOver its place is free again */
  settle(candidate: Candidate, outcome: OutcomeClass, latencyMs: number, detail: string, isOver: boolean): void;
  /** The place of a lease whose outcome was settled before is free. */
  vacate(candidate: Candidate): void;
}

export class BackendLease implements Lease {
  readonly backend: Backend;
  private readonly candidate: Candidate;
  private readonly owner: LeaseOwner;
  private ended = false;
  private settled = false;

  constructor(candidate: Candidate, owner: LeaseOwner) {
    this.backend = candidate.backend;
    this.candidate = candidate;
    this.owner = owner;
  }

  get isTrial(): boolean {
    return this.candidate.trial;
  }

  hint(hint: AnswerHint): void {
    if (!this.ended) this.owner.heed(this.candidate, hint);
  }

  answering(): void {
    if (this.isTrial && !this.ended) this.owner.noteAnswer(this.candidate);
  }

  settle(outcome: OutcomeClass, latencyMs: number): void {
    if (this.ended || this.settled) return;
    this.settled = true;
    this.owner.settle(this.candidate, outcome, latencyMs, '', false);
  }

  end(outcome: OutcomeClass, latencyMs: number, detail: string): void {
    invariant(!this.ended, `lease on ${this.backend.id} ended twice`);
    if (this.ended) return;
    this.ended = true;
    if (this.settled) this.owner.vacate(this.candidate);
    else this.owner.settle(this.candidate, outcome, latencyMs, detail, true);
  }
}
