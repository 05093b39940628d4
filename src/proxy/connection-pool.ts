/**
 * Idle connections to one upstream's backends, newest first (LIFO), so that the surplus of a quiet hour ages out.
 * Caps on connections are the ledger's: HTTP/1.1 carries one request per connection, so requests in flight are connections.
 */

import type { Backend } from '../model/backend.ts';
import type { KeepaliveSettings } from '../model/settings.ts';
import { type ConnectionUser, UpstreamConnection } from './upstream-connection.ts';

/** A backend that announces its idle time-out closes at that moment; a request must not meet it on the way. */
const IDLE_HINT_MARGIN_MS = 1_000;

export class ConnectionPool {
  private readonly settings: KeepaliveSettings;
  /** By backend id; a backend that moved to another address has other connections. */
  private readonly idle = new Map<string, UpstreamConnection[]>();

  constructor(settings: KeepaliveSettings) {
    this.settings = settings;
  }

  /** An idle connection fit for one more request, or null. */
  checkout(backend: Backend, user: ConnectionUser, nowMs: number): UpstreamConnection | null {
    const stack = this.idle.get(backend.id);
    if (stack === undefined) return null;
    for (let connection = stack.pop(); connection !== undefined; connection = stack.pop()) {
      if (connection.backend.url === backend.url && this.isFit(connection, nowMs)) {
        connection.assign(user);
        return connection;
      }
      connection.destroy();
    }
    return null;
  }

  /** A new connection; `user` hears of its success or failure later, never within this call. */
  connect(backend: Backend, user: ConnectionUser, nowMs: number): UpstreamConnection {
    return new UpstreamConnection(backend, user, nowMs, (lost) => this.forget(lost));
  }

  /** Takes back a connection whose exchange was whole in both directions. */
  release(connection: UpstreamConnection, nowMs: number): void {
    const { maxRequests } = this.settings;
    if (maxRequests !== null && connection.requests >= maxRequests) {
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
        if (this.isFit(connection, nowMs)) return true;
        connection.destroy();
        return false;
      });
      if (fit.length === 0) this.idle.delete(id);
      else if (fit.length < stack.length) this.idle.set(id, fit);
    }
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

  private forget(lost: UpstreamConnection): void {
    const stack = this.idle.get(lost.backend.id);
    const index = stack?.indexOf(lost) ?? -1;
    if (stack !== undefined && index >= 0) stack.splice(index, 1);
  }
}
