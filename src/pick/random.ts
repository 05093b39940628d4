/** At random, in proportion to weights. */

import type { Rng } from '../base/rng.ts';
import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { isFresh, scan } from './scan.ts';
import { WeightedDraw } from './weighted-draw.ts';

/** Draws before every candidate is looked at. */
const DRAWS = 4;

export class Random implements Picker {
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
    for (let draw = 0; draw < DRAWS; draw++) {
      const candidate = this.candidates[this.weighted.draw(this.rng)] as Candidate;
      if (isFresh(candidate, request, this.loads)) return candidate;
    }
    return scan(this.candidates, this.rng.below(this.candidates.length), request, this.loads);
  }
}
