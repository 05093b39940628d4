/**
 * The attempts made for one request: which backend, whether once more elsewhere, whether a second one beside the first, and
 * when to stop waiting for room. It decides nothing about the answer, which is the exchange's.
 *
 *   queued ──► under way ──► (failed, may be repeated) ──► queued        any ──► over
 *                  ├──► held: nobody takes a connection ──► queued
 *                  └──► hedged: two attempts, and the first good head wins ──► under way
 */

import type { Clock } from '../base/time.ts';
import { HEDGE, RETRY } from '../metrics/data-plane-counters.ts';
import type { OutcomeClass } from '../model/outcome.ts';
import type { PickRequest } from '../model/picker.ts';
import { retriedFor } from './access-log.ts';
import { ANSWERS, type Answer } from './answers.ts';
import type { AbortOutcome, Attempt, AttemptOwner } from './attempt.ts';
import type { Awaited, Forwarder, Waiting } from './forwarder.ts';
import type { Hedgeable } from './hedging.ts';
import { isRepeatable } from './retry.ts';

/** The request that attempts are made for. */
export interface DispatchOwner extends AttemptOwner {
  /** Monotonic milliseconds. */
  readonly startedMs: number;
  /** All of the body that an attempt was sent can be sent to another. */
  readonly isReplayable: boolean;
  /** It asks for a tunnel: two attempts at once would open two. */
  readonly isUpgrade: boolean;
  /** All of the body has come from the client. */
  readonly bodyIsWhole: boolean;
  /** No attempt can be made. */
  onUnserved(answer: Answer, detail: string): void;
}

export class Dispatch implements PickRequest, Waiting, Hedgeable {
  /** Slots tried so far. */
  tried: number[] | null = null;
  hash = 0;
  pinned = -1;
  readonly repeatable: boolean;
  /** The attempt that the request's body goes to and whose answer is relayed; null while in line. */
  current: Attempt | null = null;
  /** The attempt beside it. */
  private rival: Attempt | null = null;
  /** Attempts begun. */
  attempts = 0;
  /** Id of the backend last tried; empty when none was. */
  backend = '';
  isDone = false;
  /** Why attempts were given up for another, for the log. */
  retried = '';
  readonly forwarder: Forwarder;
  private readonly owner: DispatchOwner;
  private readonly clock: Clock;
  /** Monotonic milliseconds at which waiting ends; Infinity = not waiting. */
  private waitUntilMs = Infinity;
  private awaited: Awaited = 'room';
  /** When the first attempt began. */
  private begunMs = 0;
  private hedges = 0;
  /** The second attempt beside the first, until it is known which of them was of use. */
  private hedged: Attempt | null = null;
  /** When it was decided to make an attempt again that has not ended; null = there is none. */
  private retriedMs: number | null = null;
  /** Attempts from before an outage, which do not count after it. */
  private vain = 0;
  /** No answer's head has come. */
  awaitsHead = true;

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
    this.backend = lease.backend.id;
    this.current = this.forwarder.transport.attempt(this.owner, lease);
    if (this.attempts++ === 0) this.watch();
    this.current.start();
    return true;
  }

  waitUntil(atMs: number, awaited: Awaited): void {
    this.waitUntilMs = atMs;
    this.awaited = awaited;
  }

  get startedMs(): number {
    return this.owner.startedMs;
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
    if (this.rival !== null && nowMs >= this.rival.deadlineMs) this.rival.expire();
    if (this.awaitsHead && this.repeatable) this.rescue(nowMs);
    if (this.isDone || this.waitUntilMs === Infinity) return;
    const isOutage = this.awaited === 'outage';
    if (nowMs < this.waitUntilMs) {
      if (isOutage) this.forwarder.scout(nowMs);
    } else if (isOutage) {
      this.owner.onUnserved(ANSWERS.noBackend, 'no backend took a connection in time');
    } else {
      this.owner.onUnserved(ANSWERS.overloaded, 'no backend had room in time');
    }
  }

  /** Whether an attempt is made beside another one: what it says of itself is not yet the answer. */
  get isHedged(): boolean {
    return this.rival !== null;
  }

  /**
   * An attempt has the head of an answer. False: another attempt is waited for, or made, instead.
   * @param status of the answer
   */
  accepts(attempt: Attempt, outcome: OutcomeClass, status: number): boolean {
    if (status >= 500 && (this.yields(attempt) || this.tryAgain(attempt, outcome, status))) return false;
    this.awaitsHead = false;
    this.forwarder.onAnswer();
    if (this.retriedMs !== null) {
      if (outcome === 'ok' && this.counted > 1) this.forwarder.retryBudget.repay(this.retriedMs);
      this.endRetry(status < 500 ? RETRY.success : RETRY.failure);
    }
    if (this.hedged !== null) this.endHedge(attempt === this.hedged ? HEDGE.won : HEDGE.lost);
    if (this.rival !== null) this.supersede(attempt === this.current ? this.rival : (this.current as Attempt));
    this.current = attempt;
    this.rival = null;
    const { hedging } = this.forwarder;
    if (hedging !== null) {
      const nowMs = this.clock.now();
      hedging.learn(nowMs - this.begunMs, nowMs);
      this.backend = attempt.lease.backend.id;
    }
    return true;
  }

  /** An attempt has failed before its answer began. True: another attempt is waited for, or made, instead. */
  survives(attempt: Attempt, outcome: OutcomeClass): boolean {
    return this.yields(attempt) || this.tryAgain(attempt, outcome, 0);
  }

  /**
   * Gives up an attempt for another one, where that is safe and within the budget.
   * @param status of the answer that is passed over; 0 when there is none
   */
  private tryAgain(attempt: Attempt, outcome: OutcomeClass, status: number): boolean {
    const { forwarder } = this;
    if (this.retriedMs !== null) this.endRetry(RETRY.failure);
    if (attempt === this.hedged) this.endHedge(HEDGE.lost);
    const tried = this.triedWith(attempt);
    const failure = {
      outcome,
      status,
      method: this.owner.method,
      requestBegun: attempt.requestBegun,
      replayable: this.owner.isReplayable,
      attempts: this.counted,
    };
    const sequel = forwarder.tryAgain(this, failure, tried);
    if (sequel === 'given_up') return false;
    this.retriedMs = this.clock.now();
    this.retried = retriedFor(this.retried, attempt.lease.backend.id, outcome);
    // Whoever was tried before an outage may be tried after it.
    this.tried = sequel === 'later' ? null : tried;
    if (sequel === 'later') this.vain = this.attempts - this.hedges;
    this.current = null;
    forwarder.pool.recordRetry(attempt.lease.backend.slot);
    return true;
  }

  /** Attempts one after another, since the last outage if there was one. */
  private get counted(): number {
    return this.attempts - this.hedges - this.vain;
  }

  /** The request is over: nothing is begun any more. */
  end(): void {
    if (this.retriedMs !== null) this.endRetry(RETRY.abandoned);
    if (this.hedged !== null) this.endHedge(HEDGE.lost);
    this.isDone = true;
    this.awaitsHead = false;
    this.waitUntilMs = Infinity;
  }

  /** Gives up what is under way. */
  abort(outcome: AbortOutcome, detail: string): void {
    this.awaitsHead = false;
    this.current?.abort(outcome, detail);
    this.rival?.abort(outcome, detail);
  }

  // --- hedging

  /**
   * From the schedule: the first attempt is slow.
   * @param isOverdue it has waited for several times as long as was thought slow: it may use what retries are allowed
   */
  hedge(isOverdue: boolean): boolean {
    const { hedging, retryBudget } = this.forwarder;
    if (!this.canDouble || hedging === null) return true;
    const nowMs = this.clock.now();
    if (!hedging.withdraw(nowMs) && !(isOverdue && retryBudget.withdraw(nowMs))) return false;
    this.double();
    return true;
  }

  /** The attempt has taken so long that its backend may have stopped answering: another one is asked as well. */
  private rescue(nowMs: number): void {
    const { current, forwarder } = this;
    if (current === null || nowMs - current.startedMs < forwarder.patienceMs || !this.canDouble) return;
    if (forwarder.retryBudget.withdraw(nowMs)) this.double();
  }

  /** Whether a second attempt beside the first is possible, and of use. */
  private get canDouble(): boolean {
    const { forwarder, owner, current } = this;
    if (this.isDone || current === null || this.rival !== null || owner.isUpgrade) return false;
    if (!owner.isReplayable || !owner.bodyIsWhole || forwarder.pool.snapshot.panic || forwarder.isCrowded) return false;
    return forwarder.hasUntried(this.triedWith(current));
  }

  /** Slots tried, once this attempt is given up or overtaken. */
  private triedWith(attempt: Attempt): number[] {
    return [...(this.tried ?? []), attempt.lease.backend.slot];
  }

  private double(): void {
    const { forwarder, owner } = this;
    const tried = this.triedWith(this.current as Attempt);
    this.tried = tried;
    const lease = forwarder.pool.acquire(this);
    if (lease === null) return;
    if (tried.includes(lease.backend.slot)) {
      // Whoever else could take it has no room.
      lease.end('superseded', 0, '');
      return;
    }
    this.attempts++;
    this.hedges++;
    this.rival = forwarder.transport.attempt(owner, lease);
    this.hedged = this.rival;
    this.rival.start();
  }

  private watch(): void {
    const { hedging } = this.forwarder;
    if (hedging === null) return;
    this.begunMs = this.clock.now();
    if (this.repeatable && !this.owner.isUpgrade) hedging.watch(this, this.begunMs);
  }

  /** One of two attempts is of no use: the other is waited for. */
  private yields(attempt: Attempt): boolean {
    if (this.rival === null) return false;
    if (attempt === this.hedged) this.endHedge(HEDGE.lost);
    if (attempt === this.current) this.current = this.rival;
    this.rival = null;
    this.backend = this.current?.lease.backend.id ?? '';
    return true;
  }

  private endRetry(result: number): void {
    this.retriedMs = null;
    this.forwarder.counters.retried(result);
  }

  private endHedge(result: number): void {
    this.hedged = null;
    this.forwarder.counters.hedged(result);
  }

  private supersede(attempt: Attempt): void {
    if (attempt.lease.isTrial) this.forwarder.adopt(attempt);
    else attempt.abort('superseded', '');
  }
}
