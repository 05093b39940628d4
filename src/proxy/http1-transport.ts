/** HTTP/1.1 to the backends of one upstream: one request at a time on each connection, idle ones kept in a pool. */

import type { Clock } from '../base/time.ts';
import type { Lease } from '../model/lease.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import type { Attempt, AttemptOwner, Transport } from './attempt.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Http1Attempt } from './http1-attempt.ts';

export class Http1Transport implements Transport {
  readonly settings: UpstreamSettings;
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

  close(): void {
    this.connections.close();
  }
}
