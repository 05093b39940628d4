/** What routing makes of a backend besides its health, for `why`: its role, its priority level, its zone, its sessions. */

import type { Backend } from '../model/backend.ts';
import type { CandidateGroup, Snapshot } from '../model/snapshot.ts';
import type { PoolRules } from './member.ts';

/**
 * Sentences, each with its full stop; none where there is nothing to say.
 * @param role as its heartbeats say; null = they say none
 * @param isSticky sessions are kept
 */
export function explainRouting(
  { backend, role, isSticky }: { readonly backend: Backend; readonly role: string | null; readonly isSticky: boolean },
  { groups, entries, pinnedOnly }: Snapshot,
  { requireRole, zone }: Pick<PoolRules, 'requireRole' | 'zone'>,
): readonly string[] {
  const sentences: string[] = [];
  if (requireRole !== null && role !== requireRole) {
    const said = role === null ? 'no heartbeat in force names one' : `its heartbeats say ${role}`;
    sentences.push(`role: ${said}, and only ${requireRole} is used.`);
  }
  const holder = groups.find(({ candidates }) => candidates.some((candidate) => candidate.backend.id === backend.id));
  if (entries.some((entry) => entry.backend.priority !== backend.priority)) {
    sentences.push(`priority ${backend.priority}: ${explainShare(levelShare(groups, backend.priority))}.`);
  }
  if (zone !== null && holder !== undefined) {
    const ours = holder.zone === 'local' ? 'ours' : `not ours (${zone.local})`;
    const named = backend.labels[zone.label];
    sentences.push(`zone ${named ?? 'unknown'}, ${ours}: ${explainShare(holder.share)}.`);
  }
  if (isSticky && pinnedOnly.some((candidate) => candidate.backend.id === backend.id)) {
    sentences.push('sessions: those that it has stay until their cookies expire, new ones go elsewhere.');
  }
  return sentences;
}

function levelShare(groups: readonly CandidateGroup[], priority: number): number {
  return groups.reduce((sum, group) => (group.priority === priority ? sum + group.share : sum), 0);
}

function explainShare(share: number): string {
  return share === 0
    ? 'takes what others have no room for'
    : `takes ${Math.round(share * 1_000) / 10} % of the requests`;
}
