/**
 * Projects health into the pool that requests see: entries, candidates, groups, panic. Pure; the result is frozen and replaces the
 * one before as a whole (I5).
 *
 * A draining or disabled backend never is a candidate (I1), nor is one without the required role; a draining one that is otherwise
 * well keeps the sessions pinned to it, and is told apart for that. levels.ts decides about all others, zones.ts about ours.
 */

import type { Candidate, CandidateGroup, Snapshot, SnapshotEntry } from '../model/snapshot.ts';
import { isAvailable, isEligible, type UpstreamStatus } from '../model/status.ts';
import type { BackendView } from '../model/view.ts';
import { type Level, levelsOf } from './levels.ts';
import type { Member, PoolRules } from './member.ts';
import { isLocal, localShare } from './zones.ts';

export function project(members: readonly Member[], rules: PoolRules, version: number, at: number): Snapshot {
  const { requireRole } = rules;
  const usable = requireRole === null ? members : members.filter(({ view }) => view.role === requireRole);
  const eligible = usable.filter(({ view }) => isEligible(view.status));
  const available = eligible.filter(({ view }) => isAvailable(view.status)).length;
  const levels = levelsOf(eligible, rules.panic);
  const panic = levels.some((level) => level.panic);
  const groups = levels.flatMap((level) => groupsOf(level, rules));
  const candidates = groups.length === 1 ? (groups[0] as CandidateGroup).candidates : gather(groups);
  const serving = new Set(levels.flatMap(({ chosen }) => chosen));
  return Object.freeze({
    version,
    at,
    status: statusOf(eligible.length, available, candidates.length, panic),
    panic,
    available,
    total: members.length,
    entries: Object.freeze(members.map((member) => toEntry(member, serving.has(member), requireRole))),
    candidates,
    groups: Object.freeze(groups),
    pinnedOnly: Object.freeze(usable.filter(({ view }) => view.keepsSessions).map(toCandidate)),
  });
}

/** `down`: nothing is available, whether panic serves all the same or not, or nothing may serve. */
function statusOf(eligible: number, available: number, candidates: number, panic: boolean): UpstreamStatus {
  if (available === 0 || candidates === 0) return 'down';
  if (panic) return 'panic';
  return available === eligible ? 'ok' : 'degraded';
}

function groupsOf({ priority, chosen, eligible, trusted, share }: Level, { zone }: PoolRules): CandidateGroup[] {
  if (chosen.length === 0) return [];
  if (zone === null || !chosen.some((member) => isLocal(member, zone))) {
    return [group(priority, zone === null ? 'all' : 'remote', share, chosen)];
  }
  const remote = chosen.filter((member) => !isLocal(member, zone));
  if (remote.length === 0) return [group(priority, 'local', share, chosen)];
  const local = chosen.filter((member) => isLocal(member, zone));
  const kept = localShare(eligible, trusted, zone);
  return [group(priority, 'local', share * kept, local), group(priority, 'remote', share * (1 - kept), remote)];
}

function group(
  priority: number,
  zone: CandidateGroup['zone'],
  share: number,
  members: readonly Member[],
): CandidateGroup {
  return Object.freeze({ priority, zone, share, candidates: Object.freeze(members.map(toCandidate)) });
}

function gather(groups: readonly CandidateGroup[]): readonly Candidate[] {
  return Object.freeze(groups.flatMap(({ candidates }) => candidates));
}

function toCandidate({ backend, view }: Member): Candidate {
  return Object.freeze({
    backend,
    weight: effectiveWeight(view),
    baseWeight: view.baseWeight,
    loadFactor: view.loadFactor,
    trial: view.status === 'trial',
    epoch: view.epoch,
  });
}

function toEntry({ backend, view }: Member, serves: boolean, requireRole: string | null): SnapshotEntry {
  return Object.freeze({
    backend,
    status: view.status,
    available: isAvailable(view.status) && (requireRole === null || view.role === requireRole),
    weight: serves ? effectiveWeight(view) : 0,
    reason: view.reason,
    since: view.since,
  });
}

function effectiveWeight({ baseWeight, factor }: BackendView): number {
  return baseWeight * factor;
}
