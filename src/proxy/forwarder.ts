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
import { ConnectionPool } from './connection-pool.ts';
import type { Exchange } from './exchange.ts';
import { RetryBudget } from './retry-budget.ts';

export interface ForwarderPool extends Pool {
  /** Counts a retry against the backend whose attempt failed. */
  recordRetry(slot: number): void;
}

export class Forwarder {
  readonly settings: UpstreamSettings;
  readonly pool: ForwarderPool;
  readonly connections: ConnectionPool;
  readonly retryBudget: RetryBudget;
  private readonly clock: Clock;
  /** To be begun in this turn. */
  private ready: Exchange[] = [];
  /** First come, first served: no backend had room. */
  private waiting: Exchange[] = [];
  private turnScheduled = false;

  constructor(settings: UpstreamSettings, pool: ForwarderPool, clock: Clock) {
    this.settings = settings;
    this.pool = pool;
    this.clock = clock;
    this.connections = new ConnectionPool(settings.keepalive);
    this.retryBudget = new RetryBudget(settings.retry);
  }

  enqueue(exchange: Exchange): void {
    this.ready.push(exchange);
    this.scheduleTurn();
  }

  /** Whether a request that tried these slots could go elsewhere. */
  hasUntried(tried: readonly number[]): boolean {
    return this.pool.snapshot.candidates.some(({ backend }) => !tried.includes(backend.slot));
  }

  sweep(nowMs: number): void {
    this.connections.sweep(nowMs);
    if (this.waiting.some((exchange) => exchange.isDone)) {
      this.waiting = this.waiting.filter((exchange) => !exchange.isDone);
    }
  }

  close(): void {
    this.pool.onRoom = null;
    this.connections.close();
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
    for (const exchange of ready) {
      if (this.waiting.length > 0 || !exchange.begin()) this.wait(exchange);
    }
  };

  private serveWaiting(): void {
    let served = 0;
    for (const exchange of this.waiting) {
      if (!exchange.begin()) break;
      served++;
    }
    if (served > 0) this.waiting.splice(0, served);
    if (this.waiting.length === 0) this.pool.onRoom = null;
  }

  private wait(exchange: Exchange): void {
    const { pending, pendingTimeoutMs } = this.settings.limits;
    if (this.waiting.length >= pending) {
      exchange.reject();
      return;
    }
    exchange.waitUntil(this.clock.now() + pendingTimeoutMs);
    this.waiting.push(exchange);
    this.pool.onRoom = this.scheduleTurn;
  }
}
