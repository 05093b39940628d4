/** Health as the admin API speaks it (INTERFACE §4): field names are the contract's, times are ISO 8601 wall clock. */

import type { EventFeed } from './event.ts';
import type { LoadSource } from './load.ts';
import type { ReloadOutcome } from './reload.ts';
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
  /** What its weight was last made from; null while nothing usable has been reported. */
  readonly load: { readonly utilization: number; readonly source: LoadSource; readonly age_ms: number } | null;
  /** As its heartbeats say; null when they do not. */
  readonly version: string | null;
  /** As its heartbeats say; null when they do not, or have ceased. */
  readonly role: string | null;
  /** null before the first one. */
  readonly heartbeat: { readonly verdict: 'alive' | 'suspect' | 'lost'; readonly seq: number | null } | null;
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
  /** Ejections that were not made, because of `dry_run`. */
  readonly dry_run_ejections: number;
}

export interface HeartbeatEvidence {
  readonly verdict: 'unknown' | 'alive' | 'suspect' | 'lost' | 'off';
  /** Suspicion; 0 before the first heartbeat. */
  readonly phi: number;
  readonly boot: string | null;
  readonly seq: number | null;
  readonly lease_remaining_ms: number | null;
  readonly rejected_total: number;
}

/** The last report in the words of the backend's side; 0 and empty = not reported. */
export interface ReportedLoad {
  readonly cpu_utilization: number;
  readonly mem_utilization: number;
  readonly application_utilization: number;
  readonly rps_fractional: number;
  readonly eps: number;
  readonly named_metrics: Readonly<Record<string, number>>;
  readonly utilization: Readonly<Record<string, number>>;
}

export interface LoadEvidence {
  readonly utilization: number | null;
  readonly report: ReportedLoad | null;
  readonly source: LoadSource | null;
  readonly age_ms: number | null;
  /** What the weight is multiplied with; 1 = like its peers. */
  readonly factor: number;
  /** Malformed reports. */
  readonly rejected_total: number;
}

export interface AdminEvidence {
  readonly intent: Intent;
  readonly by: string | null;
  readonly since: string | null;
}

export interface Evidence {
  readonly probe: ProbeEvidence;
  readonly heartbeat: HeartbeatEvidence;
  readonly outcomes: OutcomesEvidence;
  readonly load: LoadEvidence;
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
export interface AdminControl {
  health(): HealthReport;
  upstream(name: string): UpstreamControl | null;
  /** Why the program is not ready to take traffic; empty = ready. */
  unready(): readonly string[];
  readonly events: EventFeed;
  /** The configuration in force, in the file's own words, with every default and without any secret. */
  configuration(): unknown;
  /** Reads the configuration again and puts it in place, if it is of use. Never rejects. @param by who asks */
  reload(by: string): Promise<ReloadOutcome>;
  /** Begins to replace every worker by a new one, one after the other. False when there are none. */
  restartWorkers(): boolean;
  /** The metrics of now in Prometheus' text format: pieces, to be rendered one by one; some are empty. */
  metrics(): Promise<Iterable<string>>;
  /** The flight recorder's lines, oldest first, as of now. */
  recording(): Iterable<string>;
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
