/**
 * Idle connections to one upstream's backends, newest first (LIFO), so that the surplus of a quiet hour ages out.
 * Caps on connections are the ledger's: HTTP/1.1 carries one request per connection, so requests in flight are connections.
 */

import type { Clock } from '../base/time.ts';
import type { Backend } from '../model/backend.ts';
import type { KeepaliveSettings } from '../model/settings.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import { type ConnectionUser, secureContextFor, UpstreamConnection } from './upstream-connection.ts';

/** A backend that announces its idle time-out closes at that moment; a request must not meet it on the way. */
const IDLE_HINT_MARGIN_MS = 1_000;

/** For how long a backend that closed an idle connection is taken to do so again. */
const LESSON_MS = 60_000;

/** A request that cannot be made again takes no connection that has idled longer than this share of what the lesson says. */
const SAFE_SHARE = 0.5;

/** A backend closed a connection that had been idle for `idleMs`. */
interface Lesson {
  readonly idleMs: number;
  readonly untilMs: number;
}

export class ConnectionPool {
  private settings: KeepaliveSettings;
  private readonly clock: Clock;
  private tls: BackendTls | null;
  /** Nothing is kept any more. */
  private retired = false;
  /** By backend id. */
  private readonly lessons = new Map<string, Lesson>();
  /** By backend id; a backend that moved to another address has other connections, and so has one under renewed TLS files. */
  private readonly idle = new Map<string, UpstreamConnection[]>();

  /** @param tls how TLS is spoken to the backends; null = none of them wants it */
  constructor(settings: KeepaliveSettings, clock: Clock, tls: BackendTls | null = null) {
    this.settings = settings;
    this.clock = clock;
    this.tls = tls;
  }

  /**
   * An idle connection fit for one more request, or null.
   * @param repeatable the request can be made again if the backend closes the connection at this very moment
   */
  checkout(backend: Backend, user: ConnectionUser, nowMs: number, repeatable: boolean): UpstreamConnection | null {
    const stack = this.idle.get(backend.id);
    if (stack === undefined) return null;
    // The newest has idled least: if that is too long for a request that cannot be repeated, they all have.
    if (!repeatable && this.isRisky(backend.id, stack.at(-1), nowMs)) return null;
    const secureContext = secureContextFor(backend, this.tls);
    for (let connection = stack.pop(); connection !== undefined; connection = stack.pop()) {
      const isSame = connection.backend.url === backend.url && connection.secureContext === secureContext;
      if (isSame && this.isFit(connection, nowMs)) {
        connection.assign(user);
        return connection;
      }
      connection.destroy();
    }
    return null;
  }

  /** A new connection; `user` hears of its success or failure later, never within this call. */
  connect(backend: Backend, user: ConnectionUser, nowMs: number): UpstreamConnection {
    return new UpstreamConnection(backend, user, nowMs, (lost) => this.forget(lost), this.tls);
  }

  /** Takes back a connection whose exchange was whole in both directions. */
  release(connection: UpstreamConnection, nowMs: number): void {
    const { maxRequests } = this.settings;
    if (this.retired || (maxRequests !== null && connection.requests >= maxRequests)) {
      connection.destroy();
      return;
    }
    connection.release(nowMs);
    const stack = this.idle.get(connection.backend.id);
    if (stack === undefined) this.idle.set(connection.backend.id, [connection]);
    else stack.push(connection);
  }

  /** Closes what has idled or lived too long. */
  sweep(nowMs: number): void {
    for (const [id, stack] of this.idle) {
      const fit = stack.filter((connection) => {
        connection.writer.settle();
        if (this.isFit(connection, nowMs)) return true;
        connection.destroy();
        return false;
      });
      if (fit.length === 0) this.idle.delete(id);
      else if (fit.length < stack.length) this.idle.set(id, fit);
    }
  }

  /** Other settings from now on; connections opened under other TLS settings are for nobody. */
  configure(settings: KeepaliveSettings, tls: BackendTls | null): void {
    this.settings = settings;
    this.tls = tls;
    for (const stack of [...this.idle.values()]) {
      for (const connection of [...stack]) {
        if (connection.secureContext !== secureContextFor(connection.backend, tls)) this.drop(connection);
      }
    }
  }

  /** Closes idle connections to addresses at which none of these is. @param backends by id */
  keepOnly(backends: ReadonlyMap<string, Backend>): void {
    for (const [id, stack] of [...this.idle]) {
      const url = backends.get(id)?.url;
      if (url === undefined) {
        this.purge(id);
        this.lessons.delete(id);
      } else {
        for (const connection of [...stack]) if (connection.backend.url !== url) this.drop(connection);
      }
    }
  }

  /** Closes what is idle, now and whenever something becomes so. */
  retire(): void {
    this.retired = true;
    this.close();
  }

  /** Closes every idle connection to a backend that is known to be dead. */
  purge(id: string): void {
    for (const connection of this.idle.get(id) ?? []) connection.destroy();
    this.idle.delete(id);
  }

  close(): void {
    for (const id of [...this.idle.keys()]) this.purge(id);
  }

  private isFit(connection: UpstreamConnection, nowMs: number): boolean {
    const { idleMs, maxAgeMs } = this.settings;
    const idleLimitMs = Math.min(idleMs, connection.idleLimitMs - IDLE_HINT_MARGIN_MS);
    if (nowMs - connection.idleSinceMs >= idleLimitMs) return false;
    return maxAgeMs === null || nowMs - connection.createdAtMs < maxAgeMs;
  }

  private isRisky(id: string, newest: UpstreamConnection | undefined, nowMs: number): boolean {
    const lesson = this.lessons.get(id);
    if (lesson === undefined || newest === undefined) return false;
    if (nowMs >= lesson.untilMs) {
      this.lessons.delete(id);
      return false;
    }
    return nowMs - newest.idleSinceMs >= lesson.idleMs * SAFE_SHARE;
  }

  /** Keeps the shortest idle time seen, so that requests which cannot be repeated stay clear of the moment of closing. */
  private learn(lost: UpstreamConnection): void {
    const nowMs = this.clock.now();
    const idleMs = Math.min(nowMs - lost.idleSinceMs, this.lessons.get(lost.backend.id)?.idleMs ?? Infinity);
    this.lessons.set(lost.backend.id, { idleMs, untilMs: nowMs + LESSON_MS });
  }

  private forget(lost: UpstreamConnection): void {
    this.learn(lost);
    this.remove(lost);
  }

  private drop(connection: UpstreamConnection): void {
    this.remove(connection);
    connection.destroy();
  }

  private remove(connection: UpstreamConnection): void {
    const stack = this.idle.get(connection.backend.id);
    const index = stack?.indexOf(connection) ?? -1;
    if (stack !== undefined && index >= 0) stack.splice(index, 1);
  }
}
