/** HTTP/2 to the backends of one upstream: many requests at a time on each connection. */

import type { Clock } from '../base/time.ts';
import type { Backend } from '../model/backend.ts';
import type { Lease } from '../model/lease.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import type { Attempt, AttemptOwner, Transport } from './attempt.ts';
import { Http2Attempt } from './http2-attempt.ts';
import { Http2SessionPool, type SessionPoolOptions } from './http2-session-pool.ts';

export class Http2Transport implements Transport {
  settings: UpstreamSettings;
  readonly sessions: Http2SessionPool;
  private readonly clock: Clock;

  constructor(settings: UpstreamSettings, clock: Clock, tls: BackendTls | null) {
    this.settings = settings;
    this.clock = clock;
    this.sessions = new Http2SessionPool(poolOptions(settings, clock, tls));
  }

  attempt(owner: AttemptOwner, lease: Lease): Attempt {
    return new Http2Attempt(owner, lease, this, this.clock);
  }

  sweep(nowMs: number): void {
    this.sessions.sweep(nowMs);
  }

  configure(settings: UpstreamSettings, tls: BackendTls | null): void {
    this.settings = settings;
    this.sessions.configure(poolOptions(settings, this.clock, tls));
  }

  keepOnly(backends: ReadonlyMap<string, Backend>): void {
    this.sessions.keepOnly(backends);
  }

  retire(): void {
    this.sessions.retire();
  }

  get isOver(): boolean {
    return this.sessions.isEmpty;
  }

  close(): void {
    this.sessions.close();
  }
}

function poolOptions(settings: UpstreamSettings, clock: Clock, tls: BackendTls | null): SessionPoolOptions {
  const { keepalive, limits, timeouts } = settings;
  return { keepalive, connectMs: timeouts.connectMs, connections: limits.connections, tls, clock };
}
