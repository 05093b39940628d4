/**
 * How many backends soft evidence of all sources together may take out of service (I3). Pure arithmetic.
 * Hard evidence and operators need no grant, but what they take is missing from what must remain.
 */

import type { BudgetSettings } from '../model/settings.ts';

export interface PoolCount {
  /** Backends that are neither draining nor disabled. */
  readonly eligible: number;
  /** Of these, the ones that count as capacity: proven, and not taken by hard evidence. */
  readonly capacity: number;
}

/**
 * Soft removals allowed at once: the floor of `maxRemoved` of the eligible, yet one wherever there are two, and never so
 * many that fewer than `minAvailable` remain.
 */
export function allowedRemovals({ eligible, capacity }: PoolCount, settings: BudgetSettings): number {
  // The epsilon undoes binary fractions: 0.29 x 100 is 28.999….
  const share = Math.floor(settings.maxRemoved * eligible + 1e-9);
  const atLeastOne = eligible >= 2 ? Math.max(share, 1) : share;
  return Math.max(0, Math.min(atLeastOne, capacity - settings.minAvailable));
}
