/** The sentences of transitions: always the numbers that decided. Formatting only, no decisions. */

import { formatDuration } from '../base/time.ts';
import type { BudgetSettings } from '../model/settings.ts';
import { SUSPECT_FACTOR } from './backend-record.ts';
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
  if (last === null) return verdict === 'down' ? 'no probe has passed yet' : 'no probe has run yet';
  if (last.ok) return passes === 1 ? `a probe passed: ${last.detail}` : `${passes} probes passed in a row`;
  return failures === 1 ? `a probe failed: ${last.detail}` : `${failures} probes failed in a row, last: ${last.detail}`;
}

/** `…; ejected for 10 s (pool 3/4, budget 50 %)` */
export function ejectedReason(cause: string, lengthMs: number, pool: PoolState, budget: BudgetSettings): string {
  const share = `pool ${pool.eligible - pool.removed}/${pool.eligible}, budget ${percent(budget.maxRemoved)}`;
  return `${cause}; ejected for ${formatDuration(lengthMs)} (${share})`;
}

/** `…; kept in service at 25 % of its weight: 2 of 4 removed, and no more may be` */
export function withheldReason(cause: string, { eligible, removed }: PoolState): string {
  const limit = removed === 0 ? 'none may be' : 'no more may be';
  return `${cause}; kept in service at ${percent(SUSPECT_FACTOR)} of its weight: ${removed} of ${eligible} removed, and ${limit}`;
}

export function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}
