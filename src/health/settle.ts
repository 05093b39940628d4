/**
 * Brings a pool to rest after a verdict changed: ends what time ends, grants or withholds removals, reads each status off the
 * table, and puts returning backends on trial. Every change of status leaves with its reason, exactly once (I6).
 * Assumes that detectors have spoken and notes say what changed; notes are used up here.
 */

import type { BudgetSettings, HealthSettings } from '../model/settings.ts';
import { isAvailable } from '../model/status.ts';
import type { Transition } from '../model/transition.ts';
import { type BackendRecord, type Note, needsTrialFrom } from './backend-record.ts';
import { ejectedReason, type PoolState, probeReason, withheldReason } from './reasons.ts';
import { allowedRemovals } from './removal-budget.ts';
import { type Ruling, rule } from './status-table.ts';

export type Change = Omit<Transition, 'id' | 'at'>;

export interface Settled {
  readonly changes: readonly Change[];
  /** The next instant at which time alone changes something. */
  readonly deadlineMs: number;
}

export function settle(records: readonly BackendRecord[], settings: HealthSettings, at: number): Settled {
  for (const record of records) expire(record, at);
  const pool = grantRemovals(records, settings.budget, at);
  const changes: Change[] = [];
  let deadlineMs = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const change = updateStatus(record, pool, settings.budget, at);
    if (change !== null) changes.push(change);
    record.note = null;
    deadlineMs = Math.min(deadlineMs, record.deadline);
  }
  return { changes, deadlineMs };
}

function expire(record: BackendRecord, at: number): void {
  const news = record.outlier?.expire(at) ?? null;
  if (news !== null) record.note = { source: 'outcomes', reason: news };
}

/** Who has asked longest is removed first; hard evidence, and backends that never were capacity, need no grant. */
function grantRemovals(records: readonly BackendRecord[], budget: BudgetSettings, at: number): PoolState {
  const waiting: BackendRecord[] = [];
  let eligible = 0;
  let capacity = 0;
  for (const record of records) {
    if (record.isEligible) eligible += 1;
    const asks = record.asksForRemoval;
    record.askingSinceMs = asks ? (record.askingSinceMs ?? at) : null;
    const needsGrant = record.proven && !(asks && record.isRefused);
    if (needsGrant && record.isEligible) capacity += 1;
    if (asks && needsGrant) waiting.push(record);
    else record.removalGranted = asks;
  }
  const allowed = allowedRemovals({ eligible, capacity }, budget);
  waiting.sort((a, b) => (a.askingSinceMs as number) - (b.askingSinceMs as number));
  waiting.forEach((record, index) => {
    record.removalGranted = index < allowed;
  });
  const removed = records.filter((record) => record.removalGranted).length;
  return { eligible, removed };
}

function updateStatus(record: BackendRecord, pool: PoolState, budget: BudgetSettings, at: number): Change | null {
  enforceEjection(record, at);
  let ruling = rule(record.verdicts);
  if (ruling.status === 'up' && needsTrialFrom(record.status) && record.outlier !== null) {
    record.outlier.beginTrial(at);
    ruling = rule(record.verdicts);
  } else if (record.outlier?.ejection.kind === 'trial' && ruling.status !== 'trial') {
    // Out of service again before it was judged; the next return begins a trial of its own.
    record.outlier.release(at);
  }
  const from = record.status;
  const to = ruling.status;
  if (from === to) return null;
  const note = explain(record, ruling, pool, budget, at);
  const movesTrial = from === 'trial' || to === 'trial';
  if (movesTrial || isAvailable(from) !== isAvailable(to)) record.epoch += 1;
  record.status = to;
  record.reason = note.reason;
  record.sinceMs = at;
  record.proven ||= isAvailable(to);
  return { backend: record.spec.id, from, to, reason: note.reason, source: note.source };
}

/** Moves between held and ejected as the budget says; an operator's intent leaves both alone. */
function enforceEjection({ outlier, removalGranted, asksForRemoval }: BackendRecord, at: number): void {
  if (outlier === null || !asksForRemoval) return;
  if (removalGranted) outlier.enforce(at);
  else outlier.withdraw(at);
}

function explain(
  record: BackendRecord,
  { status, source }: Ruling,
  pool: PoolState,
  budget: BudgetSettings,
  at: number,
): Note {
  const { note } = record;
  const fallback: Note = note ?? { source, reason: 'the removal budget has changed' };
  switch (status) {
    case 'down':
      return { source, reason: probeReason(record.probe) };
    case 'ejected':
      return { source, reason: ejectedReason(causeOf(record), record.deadline - at, pool, budget) };
    case 'suspect':
      return { source, reason: withheldReason(causeOf(record), pool) };
    case 'trial':
      return { source: fallback.source, reason: `${fallback.reason}: on trial with one request at a time` };
    default:
      return fallback;
  }
}

/** Why soft evidence asks for removal. */
function causeOf(record: BackendRecord): string {
  if (record.probe.verdict === 'down') return probeReason(record.probe);
  const ejection = record.outlier?.ejection;
  return ejection?.kind === 'held' || ejection?.kind === 'ejected' ? ejection.cause : record.reason;
}
