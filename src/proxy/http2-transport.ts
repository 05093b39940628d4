/** HTTP/2 to the backends of one upstream: many requests at a time on each connection. */

import type { Clock } from '../base/time.ts';
import type { Lease } from '../model/lease.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import type { Attempt, AttemptOwner, Transport } from './attempt.ts';
import { Http2Attempt } from './http2-attempt.ts';
import { Http2SessionPool } from './http2-session-pool.ts';

export class Http2Transport implements Transport {
  readonly settings: UpstreamSettings;
  readonly sessions: Http2SessionPool;
  private readonly clock: Clock;

  constructor(settings: UpstreamSettings, clock: Clock, tls: BackendTls | null) {
    const { keepalive, limits, timeouts } = settings;
    this.settings = settings;
    this.clock = clock;
    this.sessions = new Http2SessionPool({
      keepalive,
      connectMs: timeouts.connectMs,
      connections: limits.connections,
      tls,
      clock,
    });
  }

  attempt(owner: AttemptOwner, lease: Lease): Attempt {
    return new Http2Attempt(owner, lease, this, this.clock);
  }

  sweep(nowMs: number): void {
    this.sessions.sweep(nowMs);
  }

  close(): void {
    this.sessions.close();
  }
}
