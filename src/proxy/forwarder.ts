/**
 * One upstream as the data plane sees it: its pool, its connections, and the requests whose turn has not come.
 *
 * Requests are begun once per turn of the event loop, after everything that was readable has been read: an idle
 * connection that was closed or poisoned in the meantime is gone by then, and never gets a request (faults: keep-alive
 * race, response-queue poisoning).
 */

import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/time.ts';
import { HEDGE, RETRY, type UpstreamCounters } from '../metrics/data-plane-counters.ts';
import type { Backend } from '../model/backend.ts';
import type { Pool } from '../model/lease.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import { Affinity } from './affinity.ts';
import type { Attempt, Transport } from './attempt.ts';
import { Hedging } from './hedging.ts';
import { Http1Transport } from './http1-transport.ts';
import { Http2Transport } from './http2-transport.ts';
import { Outage } from './outage.ts';
import { type Failure, foundNobody, mayRetry, prospectsOf } from './retry.ts';
import { RetryBudget } from './retry-budget.ts';
import { type ConnectionUser, UpstreamConnection } from './upstream-connection.ts';
import { WaitingLine } from './waiting-line.ts';

export interface ForwarderPool extends Pool {
  /** Counts a retry against the backend whose attempt failed. */
  recordRetry(slot: number): void;
  /** The 99th percentile of the times to an answer's head, of a typical backend; null while nothing is known. */
  usualLatencyMs(at: number): number | null;
  /** Leases that have not ended, those of backends that have left included. */
  readonly inFlight: number;
}

/** An attempt that takes this many times as long as 99 in 100 answers is not just slow. */
const USUAL_TIMES = 3;

/** What a request waits for: room at a backend, or one that takes connections. */
export type Awaited = 'room' | 'outage';

/** Of a request whose attempt has failed: begun at another backend, begun anew after an outage, or neither. */
export type Sequel = 'elsewhere' | 'later' | 'given_up';

/** A request in line for its turn. */
export interface Waiting {
  /** It is this request's turn. False: no backend has room now, keep it in line. */
  begin(): boolean;
  /** It is given up if its turn has not come by then; as long as it waits for the end of an outage, it calls `scout`. */
  waitUntil(atMs: number, awaited: Awaited): void;
  /** The line is full. */
  reject(): void;
  /** It has been answered or has gone. */
  readonly isDone: boolean;
  /** Monotonic milliseconds at which it came. */
  readonly startedMs: number;
}

export class Forwarder {
  settings: UpstreamSettings;
  readonly pool: ForwarderPool;
  readonly counters: UpstreamCounters;
  transport: Transport;
  readonly retryBudget: RetryBudget;
  /** null = every request may go anywhere. */
  affinity: Affinity | null;
  /** null = no hedging. */
  hedging: Hedging | null;
  private readonly clock: Clock;
  private tls: BackendTls | null;
  /** Of another protocol, from before a reload: what they have under way ends. */
  private retired: Transport[] = [];
  /** Whose members the transports know. */
  private seen: Snapshot | null = null;
  /** To be begun in this turn. */
  private ready: Waiting[] = [];
  /** No backend had room. */
  private readonly line: WaitingLine;
  /** No backend took a connection. */
  private readonly outage = new Outage();
  private turnScheduled = false;
  /** How long an attempt may take to its answer's head before another backend is asked as well; Infinity = for ever. */
  patienceMs: number;
  /** Attempts that nobody waits for any more, but whose outcome counts. */
  private orphans: Attempt[] = [];

  /** @param tls how TLS is spoken to the backends; null = none of them wants it */
  constructor(
    settings: UpstreamSettings,
    pool: ForwarderPool,
    clock: Clock,
    tls: BackendTls | null,
    counters: UpstreamCounters,
  ) {
    this.settings = settings;
    this.pool = pool;
    this.counters = counters;
    this.clock = clock;
    this.tls = tls;
    this.line = new WaitingLine(settings.limits);
    this.transport = this.createTransport();
    this.retryBudget = new RetryBudget(settings.retry);
    this.patienceMs = this.rescueMs;
    this.affinity = this.createAffinity();
    this.hedging = this.createHedging();
  }

  /**
   * Other settings of the same upstream. Requests under way and in line stay; connections stay as far as the settings allow.
   * @param tls null = no backend wants TLS any more
   */
  configure(settings: UpstreamSettings, tls: BackendTls | null): void {
    const before = this.settings;
    this.settings = settings;
    // A request under way may still be for a backend that does want it.
    this.tls = tls ?? this.tls;
    this.line.configure(settings.limits);
    this.retryBudget.configure(settings.retry);
    this.patienceMs = this.rescueMs;
    if (before.protocol === settings.protocol) {
      this.transport.configure(settings, this.tls);
    } else {
      this.transport.retire();
      this.retired.push(this.transport);
      this.transport = this.createTransport();
    }
    const { hashOn, sticky } = settings;
    if (!isDeepStrictEqual([before.hashOn, before.sticky], [hashOn, sticky])) this.affinity = this.createAffinity();
    if (!isDeepStrictEqual(before.retry.hedge, settings.retry.hedge)) {
      this.hedging?.close();
      this.hedging = this.createHedging();
    }
    if (this.line.length > 0) this.scheduleTurn();
  }

  /** Nothing is in line or under way. */
  get isIdle(): boolean {
    return this.ready.length === 0 && this.pending === 0 && this.pool.inFlight === 0;
  }

  enqueue(request: Waiting): void {
    this.ready.push(request);
    this.scheduleTurn();
  }

  /**
   * An attempt has failed: what becomes of its request, which is in line again unless it is given up.
   * @param tried slots, the failed one included
   */
  tryAgain(request: Waiting, failure: Failure, tried: readonly number[]): Sequel {
    const { limits, retry } = this.settings;
    const nowMs = this.clock.now();
    const failed = { ...failure, ...prospectsOf(this.pool.snapshot, tried, this.isCrowded) };
    if (mayRetry(failed, retry)) {
      if (this.retryBudget.withdraw(nowMs)) {
        this.enqueue(request);
        return 'elsewhere';
      }
      this.counters.retried(RETRY.denied);
    }
    if (retry.outageMs === null || !foundNobody(failed, retry)) return 'given_up';
    const untilMs = this.outage.hold(request, nowMs, retry.outageMs, limits.pending - this.line.length);
    if (untilMs === null) return 'given_up';
    request.waitUntil(untilMs, 'outage');
    return 'later';
  }

  /** Time has passed for those who wait for the end of an outage. */
  scout(nowMs: number): void {
    const scout = this.outage.scout(nowMs);
    if (scout !== undefined) this.enqueue(scout);
  }

  /** A backend has answered. */
  onAnswer(): void {
    if (this.outage.isOver) return;
    for (const follower of this.outage.end()) this.enqueue(follower);
  }

  /** A connection outside the pool, for a tunnel; `user` hears of its success or failure later, never within this call. */
  connect(backend: Backend, user: ConnectionUser, nowMs: number): UpstreamConnection {
    return new UpstreamConnection(backend, user, nowMs, () => {}, this.tls);
  }

  /** Whether a request that tried these slots could go elsewhere. */
  hasUntried(tried: readonly number[]): boolean {
    return prospectsOf(this.pool.snapshot, tried, this.isCrowded).elsewhere;
  }

  /** Requests that wait for room, or for the end of an outage. */
  get pending(): number {
    return this.line.length + this.outage.length;
  }

  /** Requests wait for room: whoever could be spared should not take any. */
  get isCrowded(): boolean {
    return this.line.length > 0;
  }

  /** Sees an attempt to its end for its outcome alone. */
  adopt(attempt: Attempt): void {
    attempt.orphan();
    this.orphans.push(attempt);
  }

  /** Who may not retry may not ask twice either. */
  private get rescueMs(): number {
    const { attempts, rescueMs } = this.settings.retry;
    return attempts === 0 ? Infinity : (rescueMs ?? Infinity);
  }

  /** About once a second. */
  sweep(nowMs: number): void {
    this.transport.sweep(nowMs);
    if (this.retired.length > 0) this.sweepRetired(nowMs);
    if (this.seen !== this.pool.snapshot) this.dropLeavers();
    if (this.rescueMs < Infinity) {
      this.patienceMs = Math.max(this.rescueMs, USUAL_TIMES * (this.pool.usualLatencyMs(nowMs) ?? 0));
    }
    for (const orphan of this.orphans) if (nowMs >= orphan.deadlineMs) orphan.expire();
    if (this.orphans.length > 0) this.orphans = this.orphans.filter((orphan) => !orphan.isDone);
    this.line.sweep();
    this.outage.sweep();
    // Whatever brought them back, some backends are well: who finds nobody from now on has met another outage.
    if (!this.pool.snapshot.panic) this.onAnswer();
  }

  close(): void {
    this.pool.onRoom = null;
    this.hedging?.close();
    for (const transport of [this.transport, ...this.retired]) transport.close();
  }

  private createTransport(): Transport {
    const { settings, clock, tls } = this;
    return new (settings.protocol === 'http1' ? Http1Transport : Http2Transport)(settings, clock, tls);
  }

  private createAffinity(): Affinity | null {
    const { settings, pool, clock } = this;
    return settings.hashOn || settings.sticky ? new Affinity(settings, pool, clock) : null;
  }

  private createHedging(): Hedging | null {
    const { hedge } = this.settings.retry;
    return hedge ? new Hedging(hedge, this.clock, () => this.counters.hedged(HEDGE.denied)) : null;
  }

  private sweepRetired(nowMs: number): void {
    for (const transport of this.retired) transport.sweep(nowMs);
    this.retired = this.retired.filter(({ isOver }) => !isOver);
  }

  /** Backends that have left or moved, by a reload or by discovery, keep no idle connections. */
  private dropLeavers(): void {
    const { snapshot } = this.pool;
    this.seen = snapshot;
    this.transport.keepOnly(new Map(snapshot.entries.map(({ backend }) => [backend.id, backend])));
  }

  private readonly scheduleTurn = (): void => {
    if (this.turnScheduled) return;
    this.turnScheduled = true;
    setImmediate(this.runTurn);
  };

  private readonly runTurn = (): void => {
    this.turnScheduled = false;
    const { line, ready } = this;
    this.ready = [];
    if (line.length > 0) this.runCrowdedTurn(ready);
    else for (const request of ready) if (line.length > 0 || !request.begin()) line.add(request, this.clock.now());
    this.pool.onRoom = line.length > 0 ? this.scheduleTurn : null;
  };

  private runCrowdedTurn(ready: readonly Waiting[]): void {
    const { line } = this;
    const nowMs = this.clock.now();
    const newestFirst = line.isStanding(nowMs);
    if (!newestFirst) line.serve(nowMs);
    for (const request of ready) {
      if ((line.length > 0 && !newestFirst) || !request.begin()) line.add(request, nowMs);
    }
    if (newestFirst) line.serve(nowMs);
  }
}
