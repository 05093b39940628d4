/**
 * What policies that compare candidates have in common: who stands where, with what share, and how many are looked at. Candidates
 * stand in a random order, so that a few in a row are a few at random; the first of a row is drawn by weight.
 *
 * These policies measure load themselves, so the factor that load reports put on weights is taken out again: nothing counts
 * twice, and reports that are late or wrong cannot draw traffic.
 */

import type { Rng } from '../base/rng.ts';
import type { Candidate } from '../model/snapshot.ts';
import { WeightedDraw } from './weighted-draw.ts';

/** Up to this many candidates, all are compared. */
const SMALL_POOL = 16;
/** Of more, so many: each costs some nanoseconds, and the twelfth still shortens queues where many proxies share a fleet. */
const CHOICES = 12;

export class Places {
  readonly candidates: readonly Candidate[];
  readonly slots: Int32Array;
  /** 1 / weight, for weights whose mean is 1. */
  readonly shares: Float64Array;
  /** How many are compared. */
  readonly choices: number;
  private readonly weighted: WeightedDraw;

  /** @param candidates at least one */
  constructor(candidates: readonly Candidate[], rng: Rng) {
    this.candidates = shuffled(candidates, rng);
    const weights = this.candidates.map(({ weight, loadFactor }) => weight / loadFactor);
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.slots = Int32Array.from(this.candidates, ({ backend }) => backend.slot);
    this.shares = Float64Array.from(weights, (weight) => mean / weight);
    this.choices = candidates.length <= SMALL_POOL ? candidates.length : CHOICES;
    this.weighted = new WeightedDraw(weights);
  }

  /** Where a row begins. */
  draw(rng: Rng): number {
    return this.weighted.draw(rng);
  }
}

/** Fisher and Yates. */
function shuffled(candidates: readonly Candidate[], rng: Rng): readonly Candidate[] {
  const order = [...candidates];
  for (let left = order.length; left > 1; left--) {
    const place = rng.below(left);
    const last = order[left - 1] as Candidate;
    order[left - 1] = order[place] as Candidate;
    order[place] = last;
  }
  return order;
}
