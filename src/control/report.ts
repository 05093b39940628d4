/** Health in the admin API's words (INTERFACE §4). Formatting only: monotonic instants become wall-clock times here. */

import { type Clock, wallTimeOf } from '../base/time.ts';
import type { BackendRecord } from '../health/backend-record.ts';
import { why } from '../health/explain.ts';
import type { HeartbeatView } from '../model/heartbeat.ts';
import type { LoadReport } from '../model/load.ts';
import type {
  BackendDetail,
  BackendReport,
  Evidence,
  HeartbeatEvidence,
  LoadEvidence,
  OutcomesEvidence,
  ProbeEvidence,
  ReportedLoad,
  UpstreamReport,
} from '../model/report.ts';
import type { HealthSettings } from '../model/settings.ts';
import type { Snapshot, SnapshotEntry } from '../model/snapshot.ts';
import { isAvailable } from '../model/status.ts';
import type { Ledger } from '../pool/ledger.ts';

export function reportUpstream(
  { status, panic, available, total, version, entries }: Snapshot,
  balance: string,
  reportEntry: (entry: SnapshotEntry) => BackendReport,
): UpstreamReport {
  return { status, panic, balance, available, total, snapshot: version, backends: entries.map(reportEntry) };
}

export function reportBackend(
  entry: SnapshotEntry,
  record: Readonly<BackendRecord>,
  ledger: Ledger,
  clock: Clock,
): BackendReport {
  const { backend, status, available, weight, since, reason } = entry;
  const totals = ledger.totals(backend.slot);
  const at = clock.now();
  return {
    id: backend.id,
    url: backend.url,
    status,
    available,
    priority: backend.priority,
    weight: record.baseWeight,
    effective_weight: round(weight),
    in_flight: ledger.inFlight(backend.slot),
    requests_total: totals.requests,
    failures_total: totals.failures,
    retries_total: totals.retries,
    latency_ms: ledger.latency(backend.slot, at),
    load: reportLoadInForce(record, at),
    version: record.heartbeat?.last?.version ?? null,
    role: record.heartbeat?.role ?? null,
    heartbeat: reportPulse(record),
    since: wallTimeOf(clock, since),
    reason,
  };
}

/** @param nextProbeInMs null when no probe is planned */
export function reportDetail(
  summary: BackendReport,
  record: Readonly<BackendRecord>,
  nextProbeInMs: number | null,
  settings: HealthSettings,
  clock: Clock,
): BackendDetail {
  return {
    ...summary,
    evidence: reportEvidence(record, nextProbeInMs, clock),
    why: why(record, nextProbeInMs, settings, clock.now()),
  };
}

/** What the sender of a heartbeat is told; without a look at the pool, which may be large and about to change. */
export function viewForSender(
  record: Readonly<BackendRecord>,
  inFlight: number,
  nextProbeInMs: number | null,
  settings: HealthSettings,
  at: number,
): HeartbeatView {
  const { status, baseWeight, factor } = record.view();
  return {
    state: status,
    effectiveWeight: isAvailable(status) ? round(baseWeight * factor) : 0,
    inFlight,
    nextInMs: settings.heartbeat?.intervalMs ?? 0,
    why: why(record, nextProbeInMs, settings, at),
    commands: record.intent.value === 'draining' ? ['drain'] : [],
  };
}

function reportEvidence(record: Readonly<BackendRecord>, nextProbeInMs: number | null, clock: Clock): Evidence {
  const { intent } = record;
  return {
    probe: reportProbe(record, nextProbeInMs, clock),
    heartbeat: reportHeartbeat(record, clock.now()),
    outcomes: reportOutcomes(record, clock),
    load: reportLoad(record, clock.now()),
    admin: {
      intent: intent.value,
      by: intent.by,
      since: intent.sinceMs === null ? null : wallTimeOf(clock, intent.sinceMs),
    },
  };
}

function reportOutcomes({ outlier }: Readonly<BackendRecord>, clock: Clock): OutcomesEvidence {
  const ejection = outlier?.ejection;
  return {
    verdict: ejection === undefined ? 'off' : ejection.kind === 'held' ? 'none' : ejection.kind,
    window: outlier?.window(clock.now()) ?? { requests: 0, failures: 0 },
    consecutive_failures: outlier?.streak ?? 0,
    ejected_until: ejection?.kind === 'ejected' ? wallTimeOf(clock, ejection.untilMs) : null,
    ejections: outlier?.ejections ?? 0,
    dry_run_ejections: outlier?.dryEjections ?? 0,
  };
}

function reportHeartbeat({ heartbeat, refusedHeartbeats }: Readonly<BackendRecord>, at: number): HeartbeatEvidence {
  const remainingMs = heartbeat?.leaseRemainingMs(at) ?? null;
  return {
    verdict: heartbeat?.verdict ?? 'off',
    phi: round(heartbeat?.phi(at) ?? 0),
    boot: heartbeat?.last?.boot ?? null,
    seq: heartbeat?.last?.seq ?? null,
    lease_remaining_ms: remainingMs === null ? null : Math.round(remainingMs),
    rejected_total: refusedHeartbeats,
  };
}

function reportPulse({ heartbeat }: Readonly<BackendRecord>): BackendReport['heartbeat'] {
  const verdict = heartbeat?.verdict ?? 'unknown';
  return verdict === 'unknown' ? null : { verdict, seq: heartbeat?.last?.seq ?? null };
}

function reportLoad({ load, spec }: Readonly<BackendRecord>, at: number): LoadEvidence {
  if (load === null) return NO_LOAD;
  const { utilization, report, source, ageMs, factor, rejectedTotal } = load.evidence(spec.id, at);
  return {
    utilization,
    report: report === null ? null : inWireNames(report),
    source,
    age_ms: ageMs === null ? null : Math.round(ageMs),
    factor: round(factor),
    rejected_total: rejectedTotal,
  };
}

const NO_LOAD: LoadEvidence = {
  utilization: null,
  report: null,
  source: null,
  age_ms: null,
  factor: 1,
  rejected_total: 0,
};

function reportLoadInForce(record: Readonly<BackendRecord>, at: number): BackendReport['load'] {
  const { utilization, source, age_ms } = reportLoad(record, at);
  return utilization === null || source === null || age_ms === null ? null : { utilization, source, age_ms };
}

function inWireNames(report: LoadReport): ReportedLoad {
  return {
    cpu_utilization: report.cpuUtilization,
    mem_utilization: report.memUtilization,
    application_utilization: report.applicationUtilization,
    rps_fractional: report.rps,
    eps: report.eps,
    named_metrics: Object.fromEntries(report.namedMetrics),
    utilization: Object.fromEntries(report.utilization),
  };
}

/** To four decimals: what people and scripts compare. */
function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

function reportProbe({ probe }: Readonly<BackendRecord>, nextProbeInMs: number | null, clock: Clock): ProbeEvidence {
  const { verdict, sinceMs, passes, failures, last } = probe;
  return {
    verdict,
    since: sinceMs === null ? null : wallTimeOf(clock, sinceMs),
    consecutive: { passes, failures },
    last:
      last === null
        ? null
        : {
            at: wallTimeOf(clock, last.at),
            ok: last.ok,
            status: last.status,
            latency_ms: Math.round(last.latencyMs * 10) / 10,
            detail: last.detail,
          },
    next_in_ms: nextProbeInMs === null ? null : Math.round(nextProbeInMs),
  };
}
