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
    const count = candidates.length;
    const order = shuffledOrder(count, rng);
    const given = new Float64Array(count);
    const givenSlots = new Int32Array(count);
    // Read in the order in which they lie in memory: in that of `order`, every second one would have to be waited for.
    for (let index = 0; index < count; index++) {
      const { weight, loadFactor, backend } = candidates[index] as Candidate;
      given[index] = weight / loadFactor;
      givenSlots[index] = backend.slot;
    }
    const weights = new Float64Array(count);
    let sum = 0;
    this.candidates = Array.from(order, (index) => candidates[index] as Candidate);
    this.slots = new Int32Array(count);
    this.shares = new Float64Array(count);
    for (let place = 0; place < count; place++) {
      const index = order[place] as number;
      weights[place] = given[index] as number;
      this.slots[place] = givenSlots[index] as number;
      sum += weights[place] as number;
    }
    const mean = sum / count;
    for (let place = 0; place < count; place++) this.shares[place] = mean / (weights[place] as number);
    this.choices = candidates.length <= SMALL_POOL ? candidates.length : CHOICES;
    this.weighted = new WeightedDraw(weights);
  }

  /** Where a row begins. */
  draw(rng: Rng): number {
    return this.weighted.draw(rng);
  }
}

/** Fisher and Yates. */
function shuffledOrder(count: number, rng: Rng): Uint32Array {
  const order = new Uint32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  for (let left = count; left > 1; left--) {
    const place = rng.below(left);
    const last = order[left - 1] as number;
    order[left - 1] = order[place] as number;
    order[place] = last;
  }
  return order;
}
