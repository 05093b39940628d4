/**
 * The fewest requests in flight for its weight. Small pools look at everyone; large ones compare two drawn without replacement,
 * which avoids nearly all of the queueing at a fixed price (Mitzenmacher, "The power of two choices", 2001).
 *
 * Draws follow the weights and decide ties: an idle pool shares in proportion to weights, and a loaded one levels
 * `inFlight / weight`. With the usual `(inFlight + 1) / weight` an idle pool would send everything to its heaviest backend.
 */

import type { Rng } from '../base/rng.ts';
import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { isFresh, scan } from './scan.ts';
import { WeightedDraw } from './weighted-draw.ts';

/** Up to this many candidates, all are compared. */
const SMALL_POOL = 8;
/** Pairs drawn before every candidate is looked at. */
const PAIRS = 3;

export class LeastRequest implements Picker {
  private readonly candidates: readonly Candidate[];
  private readonly loads: LoadReader;
  private readonly rng: Rng;
  private readonly weighted: WeightedDraw;

  /** @param candidates at least one */
  constructor(candidates: readonly Candidate[], loads: LoadReader, rng: Rng) {
    this.candidates = candidates;
    this.loads = loads;
    this.rng = rng;
    this.weighted = new WeightedDraw(candidates.map(({ weight }) => weight));
  }

  pick(request: PickRequest): Candidate | null {
    const best = this.candidates.length <= SMALL_POOL ? this.best(request) : this.betterOfTwo(request);
    return best ?? scan(this.candidates, this.rng.below(this.candidates.length), request, this.loads);
  }

  private best(request: PickRequest): Candidate | null {
    const { candidates } = this;
    const first = this.weighted.draw(this.rng);
    let best: Candidate | null = null;
    for (let step = 0; step < candidates.length; step++) {
      const candidate = candidates[(first + step) % candidates.length] as Candidate;
      if (!isFresh(candidate, request, this.loads)) continue;
      if (best === null || this.isLess(candidate, best)) best = candidate;
    }
    return best;
  }

  private betterOfTwo(request: PickRequest): Candidate | null {
    const { candidates, loads } = this;
    for (let pair = 0; pair < PAIRS; pair++) {
      const firstIndex = this.weighted.draw(this.rng);
      let secondIndex = this.weighted.draw(this.rng);
      if (secondIndex === firstIndex) secondIndex = (firstIndex + 1) % candidates.length;
      const first = candidates[firstIndex] as Candidate;
      const second = candidates[secondIndex] as Candidate;
      const firstFits = isFresh(first, request, loads);
      const secondFits = isFresh(second, request, loads);
      if (firstFits && secondFits) return this.isLess(second, first) ? second : first;
      if (firstFits) return first;
      if (secondFits) return second;
    }
    return null;
  }

  private isLess(a: Candidate, b: Candidate): boolean {
    return this.loads.inFlight(a.backend.slot) * b.weight < this.loads.inFlight(b.backend.slot) * a.weight;
  }
}
