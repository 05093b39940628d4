/** HTTP/1.1 to the backends of one upstream: one request at a time on each connection, idle ones kept in a pool. */

import type { Clock } from '../base/time.ts';
import type { Backend } from '../model/backend.ts';
import type { Lease } from '../model/lease.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import type { Attempt, AttemptOwner, Transport } from './attempt.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Http1Attempt } from './http1-attempt.ts';

export class Http1Transport implements Transport {
  settings: UpstreamSettings;
  /** Connections in use belong to their attempts, and are closed with them once it is retired. */
  readonly isOver = true;
  readonly connections: ConnectionPool;
  private readonly clock: Clock;

  constructor(settings: UpstreamSettings, clock: Clock, tls: BackendTls | null) {
    this.settings = settings;
    this.clock = clock;
    this.connections = new ConnectionPool(settings.keepalive, clock, tls);
  }

  attempt(owner: AttemptOwner, lease: Lease): Attempt {
    return new Http1Attempt(owner, lease, this, this.clock);
  }

  sweep(nowMs: number): void {
    this.connections.sweep(nowMs);
  }

  configure(settings: UpstreamSettings, tls: BackendTls | null): void {
    this.settings = settings;
    this.connections.configure(settings.keepalive, tls);
  }

  keepOnly(backends: ReadonlyMap<string, Backend>): void {
    this.connections.keepOnly(backends);
  }

  retire(): void {
    this.connections.retire();
  }

  close(): void {
    this.connections.close();
  }
}
