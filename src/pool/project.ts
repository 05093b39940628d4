/**
 * Projects health into the pool that requests see: entries, candidates, panic. Pure; the result is frozen and replaces the
 * one before as a whole (I5).
 *
 * Candidates are the available backends, with two exceptions. While nothing of the pool has ever proven itself, the ones that
 * wait for their first probe serve, rather than nobody. In panic, `panic.mode` decides. A draining or disabled backend never
 * is a candidate (I1). Backends that wait for their first probe count neither way towards panic: a start is no emergency.
 */

import type { Backend } from '../model/backend.ts';
import type { PanicSettings } from '../model/settings.ts';
import type { Candidate, Snapshot, SnapshotEntry } from '../model/snapshot.ts';
import { isAvailable, isEligible, type UpstreamStatus } from '../model/status.ts';
import type { BackendView } from '../model/view.ts';

/** A view, and the backend it is about. */
export interface Member {
  readonly backend: Backend;
  readonly view: BackendView;
}

export function project(
  members: readonly Member[],
  panicSettings: PanicSettings,
  version: number,
  at: number,
): Snapshot {
  const eligible = members.filter(({ view }) => isEligible(view.status));
  const available = eligible.filter(({ view }) => isAvailable(view.status));
  const starting = eligible.filter(({ view }) => view.status === 'starting');
  const servesUnproven = starting.length > 0 && eligible.every(({ view }) => !view.proven);
  const judged = eligible.length - starting.length;
  const trusted = available.filter(({ view }) => !view.held);
  const panic = !servesUnproven && trusted.length < panicSettings.threshold * judged;
  const chosen = panic ? choosePanicking(eligible, trusted, panicSettings) : servesUnproven ? starting : available;
  const candidates = chosen.map(toCandidate);
  const serving = new Set(chosen);
  return Object.freeze({
    version,
    at,
    status: statusOf(eligible.length, available.length, candidates.length, panic),
    panic,
    available: available.length,
    total: members.length,
    entries: Object.freeze(members.map((member) => toEntry(member, serving.has(member)))),
    candidates: Object.freeze(candidates),
  });
}

/** `down`: nothing is available, whether panic serves all the same or not, or nothing may serve. */
function statusOf(eligible: number, available: number, candidates: number, panic: boolean): UpstreamStatus {
  if (available === 0 || candidates === 0) return 'down';
  if (panic) return 'panic';
  return available === eligible ? 'ok' : 'degraded';
}

/** @param trusted available, and not merely because most of the pool failed at once */
function choosePanicking(
  eligible: readonly Member[],
  trusted: readonly Member[],
  { mode, threshold }: PanicSettings,
): readonly Member[] {
  if (mode === 'fail') return [];
  if (mode === 'all') return eligible;
  const target = Math.ceil(threshold * eligible.length);
  const rest = eligible.filter((member) => !trusted.includes(member));
  const reachable = rest.filter(({ view }) => !view.hopeless).sort((a, b) => a.view.failures - b.view.failures);
  const chosen = trusted.concat(reachable.slice(0, Math.max(0, target - trusted.length)));
  // Where nobody listens, no choice is better than another, and any of them may come back first.
  return chosen.length > 0 ? chosen : rest;
}

function toCandidate({ backend, view }: Member): Candidate {
  return Object.freeze({
    backend,
    weight: effectiveWeight(view),
    trial: view.status === 'trial',
    epoch: view.epoch,
  });
}

function toEntry({ backend, view }: Member, serves: boolean): SnapshotEntry {
  return Object.freeze({
    backend,
    status: view.status,
    available: isAvailable(view.status),
    weight: serves ? effectiveWeight(view) : 0,
    reason: view.reason,
    since: view.since,
  });
}

function effectiveWeight({ baseWeight, factor }: BackendView): number {
  return baseWeight * factor;
}
