/**
 * Brings a pool to rest after a verdict changed: ends what time ends, grants or withholds removals, reads each status off the
 * table, puts returning backends on trial, and weighs everybody anew. Every change of status leaves with its reason, exactly once
 * (I6). Assumes that detectors have spoken and notes say what changed; notes are used up here.
 */

import type { BudgetSettings, HealthSettings } from '../model/settings.ts';
import { isAvailable, type Status } from '../model/status.ts';
import type { Transition } from '../model/transition.ts';
import { type BackendRecord, needsTrialFrom } from './backend-record.ts';
import type { PoolRecord } from './pool-record.ts';
import type { PoolState } from './reasons.ts';
import { allowedRemovals } from './removal-budget.ts';
import { objector, rule } from './status-table.ts';
import { type Circumstances, explainTransition } from './transition-reason.ts';

export type Change = Omit<Transition, 'id' | 'at'>;

export interface Settled {
  readonly changes: readonly Change[];
  /** Some backend's weight has changed, or what else routing reads. */
  readonly reweighed: boolean;
  /** The next instant at which time alone changes something. */
  readonly deadlineMs: number;
}

export function settle(
  records: readonly BackendRecord[],
  pool: PoolRecord,
  { budget }: HealthSettings,
  at: number,
): Settled {
  for (const record of records) record.advance(at);
  const state = grantRemovals(records, pool, budget, at);
  const given: Circumstances = { pool: state, budget, suspicion: pool.massFailure.suspicion, at };
  const changes: Change[] = [];
  for (const record of records) {
    const change = updateStatus(record, given);
    if (change !== null) changes.push(change);
    record.note = null;
  }
  updateRamps(records, at);
  pool.factors = pool.load?.factors(at) ?? pool.factors;
  let reweighed = false;
  let { deadline: deadlineMs } = pool;
  for (const record of records) {
    if (record.refresh(pool.factors.get(record.spec.id) ?? 1, at)) reweighed = true;
    deadlineMs = Math.min(deadlineMs, record.nextDeadline(at));
  }
  return { changes, reweighed, deadlineMs };
}

/**
 * Who has asked longest is removed first; hard evidence, and backends that never were capacity, need no grant. While most of the
 * pool fails at once, nobody who just began is removed.
 */
function grantRemovals(
  records: readonly BackendRecord[],
  pool: PoolRecord,
  budget: BudgetSettings,
  at: number,
): PoolState {
  const waiting: BackendRecord[] = [];
  let eligible = 0;
  let capacity = 0;
  for (const record of records) {
    if (record.isEligible) eligible += 1;
    const asks = record.asksForRemoval;
    record.askingSinceMs = asks ? (record.askingSinceMs ?? at) : null;
    // Before the budget is counted: a backend that enters service now may be what lets another leave.
    record.proven ||= !asks && isAvailable(rule(record.verdicts).status);
    if (asks && isHeldByTrial(record, pool)) {
      record.removal = 'new_probes';
      if (record.isEligible) capacity += 1;
      continue;
    }
    const needsGrant = record.proven && !record.isRemovalHard;
    if (needsGrant && record.isEligible) capacity += 1;
    if (asks && needsGrant) waiting.push(record);
    else record.removal = asks ? 'granted' : 'over_budget';
  }
  const { massFailure, lastGoodNewsMs } = pool;
  const ended = massFailure.update({ failingSinceMs: waiting.map(askingSince), eligible, lastGoodNewsMs }, at);
  // What all suffered together is held against nobody: traffic is judged anew from here.
  if (ended !== null) for (const { outlier } of records) outlier?.pardon(at);
  let grants = allowedRemovals({ eligible, capacity }, budget);
  for (const record of waiting.sort((a, b) => askingSince(a) - askingSince(b))) {
    if (!record.asksForRemoval) continue;
    if (massFailure.holds(askingSince(record))) record.removal = 'mass_failure';
    else record.removal = grants-- > 0 ? 'granted' : 'over_budget';
  }
  const removed = records.filter((record) => record.removal === 'granted').length;
  return { eligible, removed };
}

/** Only probes speak against it, and those are on trial themselves. Nobody listens: neither to them nor to requests. */
function isHeldByTrial(record: BackendRecord, { probeTrial }: PoolRecord): boolean {
  if (!record.proven || !probeTrial.holds(askingSince(record)) || record.self.report !== 'up') return false;
  return objector(record.verdicts) === 'probe' && !(record.isRefused && record.lastAttemptRefused);
}

function askingSince({ askingSinceMs }: BackendRecord): number {
  return askingSinceMs as number;
}

function updateStatus(record: BackendRecord, given: Circumstances): Change | null {
  const { at } = given;
  enforceEjection(record, at);
  let ruling = rule(record.verdicts);
  record.owesTrial ||= needsTrialFrom(record.status);
  if (isServing(ruling.status) && !record.asksForRemoval && record.owesTrial && record.outlier !== null) {
    record.owesTrial = false;
    record.outlier.beginTrial(at);
    ruling = rule(record.verdicts);
  } else if (record.outlier?.ejection.kind === 'trial' && ruling.status !== 'trial') {
    // Out of service again before it was judged; the next return begins a trial of its own.
    record.outlier.release(at);
  }
  const from = record.status;
  const to = ruling.status;
  if (from === to) return null;
  const note = explainTransition(record, ruling, given);
  const movesTrial = from === 'trial' || to === 'trial';
  if (movesTrial || isAvailable(from) !== isAvailable(to)) record.epoch += 1;
  record.status = to;
  record.reason = note.reason;
  record.sinceMs = at;
  return { backend: record.spec.id, from, to, reason: note.reason, source: note.source };
}

/** Moves between held and ejected as removals are granted; an operator's intent leaves both alone. */
function enforceEjection({ outlier, removal, asksForRemoval }: BackendRecord, at: number): void {
  if (outlier === null || !asksForRemoval) return;
  if (removal === 'granted') outlier.enforce(at);
  else outlier.withdraw(at);
}

/** Who enters service ramps up while others have the work in hand; where nobody has, all take their share at once. */
function updateRamps(records: readonly BackendRecord[], at: number): void {
  for (const { ramp, status } of records) if (!isServing(status)) ramp.leave();
  const hasSupport = records.some(({ ramp }) => ramp.isEstablishedAt(at));
  for (const { ramp, status } of records) {
    if (!hasSupport) ramp.finish();
    if (isServing(status) && ramp.isOut) ramp.enter(hasSupport, at);
  }
}

/** With more than one request at a time. */
function isServing(status: Status): boolean {
  return status === 'up' || status === 'suspect';
}
