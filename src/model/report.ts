/** Health as the admin API speaks it (INTERFACE §4): field names are the contract's, times are ISO 8601 wall clock. */

import type { EventFeed } from './event.ts';
import type { Intent, Status, UpstreamStatus } from './status.ts';

export interface LatencyReport {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export interface BackendReport {
  readonly id: string;
  readonly url: string;
  readonly status: Status;
  readonly available: boolean;
  readonly priority: number;
  readonly weight: number;
  readonly effective_weight: number;
  readonly in_flight: number;
  readonly requests_total: number;
  readonly failures_total: number;
  readonly retries_total: number;
  /** Of the last minute or so; null before the first answer. */
  readonly latency_ms: LatencyReport | null;
  readonly since: string;
  readonly reason: string;
}

export interface ProbeEvidence {
  readonly verdict: 'unknown' | 'up' | 'down' | 'off';
  readonly since: string | null;
  readonly consecutive: { readonly passes: number; readonly failures: number };
  readonly last: {
    readonly at: string;
    readonly ok: boolean;
    readonly status: number | null;
    readonly latency_ms: number;
    readonly detail: string;
  } | null;
  readonly next_in_ms: number | null;
}

export interface OutcomesEvidence {
  readonly verdict: 'none' | 'ejected' | 'trial' | 'off';
  readonly window: { readonly requests: number; readonly failures: number };
  readonly consecutive_failures: number;
  readonly ejected_until: string | null;
  readonly ejections: number;
}

export interface AdminEvidence {
  readonly intent: Intent;
  readonly by: string | null;
  readonly since: string | null;
}

export interface Evidence {
  readonly probe: ProbeEvidence;
  readonly outcomes: OutcomesEvidence;
  readonly admin: AdminEvidence;
}

export interface BackendDetail extends BackendReport {
  readonly evidence: Evidence;
  /** One sentence per source that has something to say, and what comes next. */
  readonly why: string;
}

export interface UpstreamReport {
  readonly status: UpstreamStatus;
  readonly panic: boolean;
  readonly balance: string;
  readonly available: number;
  readonly total: number;
  /** Version of the pool snapshot. */
  readonly snapshot: number;
  readonly backends: readonly BackendReport[];
}

export interface HealthReport {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly version: string;
  readonly generation: number;
  readonly uptime_seconds: number;
  readonly self: { readonly awareness: number; readonly loop_lag_ms: number; readonly workers: number };
  readonly upstreams: Readonly<Record<string, UpstreamReport>>;
}

/** What the admin server needs of the running program; the composition root implements it. */
export interface ControlPlane {
  health(): HealthReport;
  upstream(name: string): UpstreamControl | null;
  /** Why the program is not ready to take traffic; empty = ready. */
  unready(): readonly string[];
  readonly events: EventFeed;
}

export interface UpstreamControl {
  report(): UpstreamReport;
  /** null when there is no such backend. */
  backend(id: string): BackendDetail | null;
  /** False when there is no such backend. */
  setIntent(id: string, intent: Intent, by: string): boolean;
  /** False when there is no such backend. `weight` must be > 0 and finite. */
  setWeight(id: string, weight: number, by: string): boolean;
}
