/**
 * One upstream as the data plane sees it: its pool, its connections, and the requests whose turn has not come.
 *
 * Requests are begun once per turn of the event loop, after everything that was readable has been read: an idle
 * connection that was closed or poisoned in the meantime is gone by then, and never gets a request (faults: keep-alive
 * race, response-queue poisoning).
 */

import type { Clock } from '../base/time.ts';
import type { Pool } from '../model/lease.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { Attempt, Transport } from './attempt.ts';
import { Hedging } from './hedging.ts';
import { Http1Transport } from './http1-transport.ts';
import { RetryBudget } from './retry-budget.ts';

export interface ForwarderPool extends Pool {
  /** Counts a retry against the backend whose attempt failed. */
  recordRetry(slot: number): void;
}

/** A request in line for its turn. */
export interface Waiting {
  /** It is this request's turn. False: no backend has room now, keep it in line. */
  begin(): boolean;
  /** It is given up if its turn has not come by then. */
  waitUntil(atMs: number): void;
  /** The line is full. */
  reject(): void;
  /** It has been answered or has gone. */
  readonly isDone: boolean;
}

export class Forwarder {
  readonly settings: UpstreamSettings;
  readonly pool: ForwarderPool;
  readonly transport: Transport;
  readonly retryBudget: RetryBudget;
  /** null = no hedging. */
  readonly hedging: Hedging | null;
  private readonly clock: Clock;
  /** To be begun in this turn. */
  private ready: Waiting[] = [];
  /** First come, first served: no backend had room. */
  private waiting: Waiting[] = [];
  private turnScheduled = false;
  /** Attempts that nobody waits for any more, but whose outcome counts. */
  private orphans: Attempt[] = [];

  constructor(settings: UpstreamSettings, pool: ForwarderPool, clock: Clock) {
    this.settings = settings;
    this.pool = pool;
    this.clock = clock;
    this.transport = new Http1Transport(settings, clock);
    this.retryBudget = new RetryBudget(settings.retry);
    this.hedging = settings.retry.hedge ? new Hedging(settings.retry.hedge, clock) : null;
  }

  enqueue(request: Waiting): void {
    this.ready.push(request);
    this.scheduleTurn();
  }

  /** Whether a request that tried these slots could go elsewhere. */
  hasUntried(tried: readonly number[]): boolean {
    return this.pool.snapshot.candidates.some(({ backend }) => !tried.includes(backend.slot));
  }

  /** Requests wait for room: whoever could be spared should not take any. */
  get isCrowded(): boolean {
    return this.waiting.length > 0;
  }

  /** Sees an attempt to its end for its outcome alone. */
  adopt(attempt: Attempt): void {
    attempt.orphan();
    this.orphans.push(attempt);
  }

  sweep(nowMs: number): void {
    this.transport.sweep(nowMs);
    for (const orphan of this.orphans) if (nowMs >= orphan.deadlineMs) orphan.expire();
    if (this.orphans.length > 0) this.orphans = this.orphans.filter((orphan) => !orphan.isDone);
    if (this.waiting.some((request) => request.isDone)) {
      this.waiting = this.waiting.filter((request) => !request.isDone);
    }
  }

  close(): void {
    this.pool.onRoom = null;
    this.hedging?.close();
    this.transport.close();
  }

  private readonly scheduleTurn = (): void => {
    if (this.turnScheduled) return;
    this.turnScheduled = true;
    setImmediate(this.runTurn);
  };

  private readonly runTurn = (): void => {
    this.turnScheduled = false;
    this.serveWaiting();
    const ready = this.ready;
    this.ready = [];
    for (const request of ready) {
      if (this.waiting.length > 0 || !request.begin()) this.wait(request);
    }
  };

  private serveWaiting(): void {
    let served = 0;
    for (const request of this.waiting) {
      if (!request.begin()) break;
      served++;
    }
    if (served > 0) this.waiting.splice(0, served);
    if (this.waiting.length === 0) this.pool.onRoom = null;
  }

  private wait(request: Waiting): void {
    const { pending, pendingTimeoutMs } = this.settings.limits;
    if (this.waiting.length >= pending) {
      request.reject();
      return;
    }
    request.waitUntil(this.clock.now() + pendingTimeoutMs);
    this.waiting.push(request);
    this.pool.onRoom = this.scheduleTurn;
  }
}
