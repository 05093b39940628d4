/**
 * The fewest requests in flight, for its weight and its slowness: cost = (inFlight / weight + 1) * slowness. The slowness that
 * the ledger learns is that of the backend and not of its queue, so what is in flight is not counted twice, and it needs
 * nobody's word: load reports may be late or wrong. So the factor that they put on weights is taken out again.
 *
 * Small pools look at everyone, from a place that is drawn anew; large ones at a handful, which avoids nearly all of the
 * queueing at a fixed price (Mitzenmacher, "The power of two choices", 2001) and keeps many proxies from running after the
 * same backend. Candidates stand in a random order, so a handful in a row is a handful at random.
 *
 * The first place is drawn by weight and wins ties: an idle pool shares in proportion to weights, and a loaded one levels
 * `inFlight / weight`. With the usual `(inFlight + 1) / weight` an idle pool would send everything to its heaviest backend.
 */

import type { Rng } from '../base/rng.ts';
import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { isFresh, scan } from './scan.ts';
import { WeightedDraw } from './weighted-draw.ts';

/** Up to this many candidates, all are compared. */
const SMALL_POOL = 16;
/** Of more, so many. */
const CHOICES = 12;

export class LeastRequest implements Picker {
  /** In random order. */
  private readonly candidates: readonly Candidate[];
  private readonly slots: Int32Array;
  /** 1 / weight, for weights whose mean is 1. */
  private readonly shares: Float64Array;
  private readonly loads: LoadReader;
  private readonly rng: Rng;
  private readonly weighted: WeightedDraw;

  /** @param candidates at least one */
  constructor(candidates: readonly Candidate[], loads: LoadReader, rng: Rng) {
    this.candidates = shuffled(candidates, rng);
    const weights = this.candidates.map(({ weight, loadFactor }) => weight / loadFactor);
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.slots = Int32Array.from(this.candidates, ({ backend }) => backend.slot);
    this.shares = Float64Array.from(weights, (weight) => mean / weight);
    this.loads = loads;
    this.rng = rng;
    this.weighted = new WeightedDraw(weights);
  }

  pick(request: PickRequest): Candidate | null {
    const { candidates, slots, shares, loads } = this;
    const count = candidates.length;
    const first = this.weighted.draw(this.rng);
    const choices = count <= SMALL_POOL ? count : CHOICES;
    let best: Candidate | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (let step = 0, place = first; step < choices; step++) {
      const slot = slots[place] as number;
      const cost = (loads.inFlight(slot) * (shares[place] as number) + 1) * loads.slowness(slot);
      if (cost < least) {
        const candidate = candidates[place] as Candidate;
        if (isFresh(candidate, request, loads)) {
          best = candidate;
          least = cost;
        }
      }
      place = place + 1 === count ? 0 : place + 1;
    }
    return best ?? scan(candidates, first, request, loads);
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
