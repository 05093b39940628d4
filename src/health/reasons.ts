/** The sentences of transitions: always the numbers that decided. Formatting only, no decisions. */

import { formatDuration } from '../base/time.ts';
import type { SelfReport } from '../model/heartbeat.ts';
import type { BudgetSettings } from '../model/settings.ts';
import { SUSPECT_FACTOR } from './health-weight.ts';
import type { BeatKind } from './heartbeat-detector.ts';
import type { Suspicion } from './mass-failure.ts';
import type { Comparison } from './outlier-statistics.ts';
import type { ProbeDetector } from './probe-detector.ts';

/** How the pool stood when the budget was asked. */
export interface PoolState {
  readonly eligible: number;
  /** Of these, how many evidence has taken out. */
  readonly removed: number;
}

/** `3 probes failed in a row, last: connect ECONNREFUSED` */
export function probeReason(probe: ProbeDetector): string {
  const { verdict, passes, failures, last } = probe;
  if (probe.isOnProbation) return `${verdict} before the restart, on probation until a probe decides`;
  if (last === null) return verdict === 'down' ? 'no probe has passed yet' : 'no probe has run yet';
  if (last.ok) return passes === 1 ? `a probe passed: ${last.detail}` : `${passes} probes passed in a row`;
  return failures === 1 ? `a probe failed: ${last.detail}` : `${failures} probes failed in a row, last: ${last.detail}`;
}

/** @param silence what the silence before this heartbeat was; empty where there was none */
export function heartbeatReason(kind: BeatKind, status: SelfReport, silence: string): string {
  if (kind === 'rebooted') return 'a new process sends heartbeats';
  if (kind === 'first') return 'a first heartbeat';
  return silence === '' ? `its heartbeat says that it is ${status}` : `a heartbeat again (${silence})`;
}

/** `…; ejected for 10 s (pool 3/4, budget 50 %)` */
export function ejectedReason(cause: string, lengthMs: number, pool: PoolState, budget: BudgetSettings): string {
  const share = `pool ${pool.eligible - pool.removed}/${pool.eligible}, budget ${percent(budget.maxRemoved)}`;
  return `${cause}; ejected for ${formatDuration(lengthMs)} (${share})`;
}

/** `40 % of 50 requests failed, its peers' median is 2 %` */
export function failingReason({ failures, requests, othersRate }: NonNullable<Comparison['failing']>): string {
  return `${percent(failures / requests)} of ${requests} requests failed, its peers' median is ${percent(othersRate)}`;
}

/** `median latency 400 ms, its peers' 50 ms` */
export function slowReason({ p50Ms, othersP50Ms }: NonNullable<Comparison['slow']>): string {
  return `median latency ${formatDuration(p50Ms)}, its peers' ${formatDuration(othersP50Ms)}`;
}

/** `…; at 25 % of its weight` */
export function suspectReason(cause: string): string {
  return `${cause}; at ${percent(SUSPECT_FACTOR)} of its weight`;
}

/** `…; kept in service at 25 % of its weight: 2 of 4 removed, and no more may be` */
export function withheldReason(cause: string, { eligible, removed }: PoolState): string {
  const limit = removed === 0 ? 'none may be' : 'no more may be';
  return `${cause}; kept in service at ${percent(SUSPECT_FACTOR)} of its weight: ${removed} of ${eligible} removed, and ${limit}`;
}

/** `mass failure suspected, 3 of 4 failed at once: …; kept in service at 25 % of its weight` */
export function massFailureReason(cause: string, { failing, eligible }: Suspicion): string {
  const share = `${failing} of ${eligible} failed at once`;
  return `mass failure suspected, ${share}: ${cause}; kept in service at ${percent(SUSPECT_FACTOR)} of its weight`;
}

/** `probes ask something else since the reload, and too few backends pass it: …; kept in service at 25 % of its weight` */
export function newProbesReason(cause: string): string {
  const share = percent(SUSPECT_FACTOR);
  return `probes ask something else since the reload, and too few backends pass it: ${cause}; kept in service at ${share} of its weight`;
}

export function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}
