/**
 * Who of each priority level takes requests, and how many of them: panic is decided here. Candidates are the available backends,
 * with two exceptions. While nothing of the pool has ever proven itself, those that wait for their first probe serve, rather than
 * nobody. In panic, `panic.mode` decides. Backends that wait for their first probe count neither way: a start is no emergency.
 *
 * A level panics below the threshold, unless the levels together can still carry everything.
 */

import type { PanicSettings } from '../model/settings.ts';
import { isAvailable } from '../model/status.ts';
import type { Member } from './member.ts';
import { carriesAll, levelHealth, sharesOf } from './priorities.ts';

export interface Level {
  readonly priority: number;
  /** All that may be used, if evidence lets them. */
  readonly eligible: readonly Member[];
  readonly panic: boolean;
  readonly chosen: readonly Member[];
  /** Those of the chosen that are trusted with the level's usual load. */
  readonly trusted: readonly Member[];
  /** Of the requests, 0 to 1; all levels' together make 1, unless nobody is chosen. */
  readonly share: number;
}

interface Standing {
  readonly eligible: readonly Member[];
  readonly available: readonly Member[];
  /** Available, and not merely because most of the pool failed at once. */
  readonly trusted: readonly Member[];
  /** How many are counted at all. */
  readonly judged: number;
}

/** @param eligible of all levels; @returns the levels that exist, the first to be used first */
export function levelsOf(eligible: readonly Member[], panicSettings: PanicSettings): readonly Level[] {
  const isUnproven = eligible.every(({ view }) => !view.proven) && eligible.some(isStarting);
  const standings = byPriority(eligible).map((level) => (isUnproven ? standUnproven(level) : stand(level)));
  const healths = standings.map(({ trusted, judged }) => levelHealth(trusted.length, judged));
  const isCarried = standings.length > 1 && carriesAll(healths);
  const levels = standings.map((standing) => {
    const { trusted, available, judged } = standing;
    const panic = !isUnproven && !isCarried && trusted.length < panicSettings.threshold * judged;
    const chosen = panic ? choosePanicking(standing.eligible, trusted, panicSettings) : available;
    return { eligible: standing.eligible, panic, chosen, trusted: panic || trusted.length === 0 ? chosen : trusted };
  });
  const shares = sharesOfServing(levels, sharesOf(healths));
  return levels.map((level, index) => ({
    ...level,
    priority: (level.eligible[0] as Member).backend.priority,
    share: shares[index] as number,
  }));
}

function byPriority(members: readonly Member[]): readonly (readonly Member[])[] {
  const first = members[0]?.backend.priority;
  if (members.every(({ backend }) => backend.priority === first)) return members.length === 0 ? [] : [members];
  const levels = new Map<number, Member[]>();
  for (const member of members) {
    const level = levels.get(member.backend.priority);
    if (level === undefined) levels.set(member.backend.priority, [member]);
    else level.push(member);
  }
  return [...levels].sort(([a], [b]) => a - b).map(([, level]) => level);
}

function stand(eligible: readonly Member[]): Standing {
  const available = eligible.filter(({ view }) => isAvailable(view.status));
  const trusted = available.filter(({ view }) => !view.held);
  return { eligible, available, trusted, judged: eligible.filter((member) => !isStarting(member)).length };
}

function standUnproven(eligible: readonly Member[]): Standing {
  const starting = eligible.filter(isStarting);
  return { eligible, available: starting, trusted: starting, judged: eligible.length };
}

function isStarting({ view }: Member): boolean {
  return view.status === 'starting';
}

/** Levels where nobody serves give their share to the others; where none has any, the first that may be listening takes all. */
function sharesOfServing(levels: readonly Pick<Level, 'chosen'>[], shares: readonly number[]): readonly number[] {
  const served = shares.map((share, index) => (levels[index]?.chosen.length === 0 ? 0 : share));
  const total = served.reduce((sum, share) => sum + share, 0);
  if (total > 0) return served.map((share) => share / total);
  const listening = levels.findIndex(({ chosen }) => chosen.some(({ view }) => !view.hopeless));
  const taker = listening === -1 ? levels.findIndex(({ chosen }) => chosen.length > 0) : listening;
  return served.map((_, index) => (index === taker ? 1 : 0));
}

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
