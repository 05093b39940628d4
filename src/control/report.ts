/** Health in the admin API's words (INTERFACE §4). Formatting only: monotonic instants become wall-clock times here. */

import { type Clock, wallTimeOf } from '../base/time.ts';
import type { BackendRecord } from '../health/backend-record.ts';
import { why } from '../health/explain.ts';
import type { BackendDetail, BackendReport, Evidence, ProbeEvidence } from '../model/report.ts';
import type { HealthSettings } from '../model/settings.ts';
import type { SnapshotEntry } from '../model/snapshot.ts';
import type { Ledger } from '../pool/ledger.ts';

export function reportBackend(entry: SnapshotEntry, baseWeight: number, ledger: Ledger, clock: Clock): BackendReport {
  const { backend, status, available, weight, since, reason } = entry;
  const totals = ledger.totals(backend.slot);
  return {
    id: backend.id,
    url: backend.url,
    status,
    available,
    priority: backend.priority,
    weight: baseWeight,
    effective_weight: weight,
    in_flight: ledger.inFlight(backend.slot),
    requests_total: totals.requests,
    failures_total: totals.failures,
    retries_total: totals.retries,
    latency_ms: ledger.latency(backend.slot, clock.now()),
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

function reportEvidence(record: Readonly<BackendRecord>, nextProbeInMs: number | null, clock: Clock): Evidence {
  const { outlier, intent } = record;
  const ejection = outlier?.ejection;
  return {
    probe: reportProbe(record, nextProbeInMs, clock),
    outcomes: {
      verdict: ejection === undefined ? 'off' : ejection.kind === 'held' ? 'none' : ejection.kind,
      window: outlier?.window(clock.now()) ?? { requests: 0, failures: 0 },
      consecutive_failures: outlier?.streak ?? 0,
      ejected_until: ejection?.kind === 'ejected' ? wallTimeOf(clock, ejection.untilMs) : null,
      ejections: outlier?.ejections ?? 0,
    },
    admin: {
      intent: intent.value,
      by: intent.by,
      since: intent.sinceMs === null ? null : wallTimeOf(clock, intent.sinceMs),
    },
  };
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
