/**
 * The attempts made for one request: which backend, whether once more elsewhere, and when to stop waiting for room. It
 * decides nothing about the answer, which is the exchange's.
 *
 *   queued ──► under way ──► (failed, may be repeated) ──► queued        any ──► over
 */

import type { Clock } from '../base/time.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { PickRequest } from '../model/picker.ts';
import { ANSWERS, type Answer } from './answers.ts';
import type { Attempt, AttemptOwner } from './attempt.ts';
import type { Forwarder, Waiting } from './forwarder.ts';
import { type FailedAttempt, isRepeatable, mayRetry } from './retry.ts';

/** The request that attempts are made for. */
export interface DispatchOwner extends AttemptOwner {
  /** All of the body that an attempt was sent can be sent to another. */
  readonly isReplayable: boolean;
  /** No attempt can be made. */
  onUnserved(answer: Answer, detail: string): void;
}

export class Dispatch implements PickRequest, Waiting {
  /** Slots tried so far. */
  tried: number[] | null = null;
  readonly hash = 0;
  readonly pinned = -1;
  readonly repeatable: boolean;
  /** The attempt that the request's body goes to and whose answer is relayed; null while in line. */
  current: Attempt | null = null;
  /** Attempts begun. */
  attempts = 0;
  /** Id of the backend last tried; empty when none was. */
  backend = '';
  isDone = false;
  readonly forwarder: Forwarder;
  private readonly owner: DispatchOwner;
  private readonly clock: Clock;
  /** Monotonic milliseconds at which waiting for room ends; Infinity = not waiting. */
  private waitUntilMs = Infinity;

  constructor(owner: DispatchOwner, forwarder: Forwarder, clock: Clock) {
    this.owner = owner;
    this.forwarder = forwarder;
    this.clock = clock;
    this.repeatable = isRepeatable(owner.method, forwarder.settings.retry.methods);
  }

  // --- from the forwarder

  begin(): boolean {
    if (this.isDone) return true;
    const { pool } = this.forwarder;
    const lease = pool.acquire(this);
    if (lease === null) {
      if (pool.snapshot.candidates.length > 0) return false;
      this.owner.onUnserved(ANSWERS.noBackend, 'no backend is available');
      return true;
    }
    this.waitUntilMs = Infinity;
    this.attempts++;
    this.backend = lease.backend.id;
    this.current = this.forwarder.transport.attempt(this.owner, lease);
    this.current.start();
    return true;
  }

  waitUntil(atMs: number): void {
    this.waitUntilMs = atMs;
  }

  reject(): void {
    this.owner.onUnserved(ANSWERS.overloaded, 'too many requests are waiting');
  }

  // --- from the exchange

  /** Puts the request in line for its turn. */
  start(): void {
    this.forwarder.enqueue(this);
  }

  sweep(nowMs: number): void {
    if (this.current !== null && nowMs >= this.current.deadlineMs) this.current.expire();
    if (nowMs < this.waitUntilMs || this.isDone) return;
    this.owner.onUnserved(ANSWERS.overloaded, 'no backend had room in time');
  }

  /**
   * Gives up an attempt for another one, where that is safe and within the budget.
   * @param status of the answer that is passed over; 0 when there is none
   */
  tryAgain(attempt: Attempt, outcome: OutcomeClass, status: number): boolean {
    const { forwarder } = this;
    const { slot } = attempt.lease.backend;
    const tried = [...(this.tried ?? []), slot];
    const failed: FailedAttempt = {
      outcome,
      status,
      method: this.owner.method,
      requestBegun: attempt.requestBegun,
      replayable: this.owner.isReplayable,
      elsewhere: forwarder.hasUntried(tried),
      attempts: this.attempts,
      panic: forwarder.pool.snapshot.panic,
    };
    if (!mayRetry(failed, forwarder.settings.retry)) return false;
    if (!forwarder.retryBudget.withdraw(this.clock.now())) return false;
    this.tried = tried;
    this.current = null;
    forwarder.pool.recordRetry(slot);
    forwarder.enqueue(this);
    return true;
  }

  /** The request is over: nothing is begun any more. */
  end(): void {
    this.isDone = true;
    this.waitUntilMs = Infinity;
  }

  /** Gives up what is under way. */
  abort(outcome: 'client_abort' | 'timeout', detail: string): void {
    this.current?.abort(outcome, detail);
  }
}
