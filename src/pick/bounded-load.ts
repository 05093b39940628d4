/**
 * Keeps a popular key from flooding its backend: nobody takes more than 1.25 times the fair share of what is in flight, rounded up.
 * Fair is by configured weight. Up to a few requests at a time nobody is overloaded, and keys stay where they are.
 * Source: Mirrokni et al., "Consistent hashing with bounded loads", 2016.
 *
 * What is in flight altogether is counted anew every n / 8 picks of n backends, and rises by one with each pick in between: a
 * bound that errs on the side of keeping keys, at a price per pick that does not grow with the pool.
 */

import type { LoadReader } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';

const BOUND = 1.25;
/** Requests in flight to one backend that are always allowed. */
const FREE = 4;

export class BoundedLoad {
  private readonly slots: Uint32Array;
  private readonly shares: Float64Array;
  private readonly loads: LoadReader;
  private readonly recountEvery: number;
  private picksLeft = 0;
  private total = 0;

  constructor(candidates: readonly Candidate[], loads: LoadReader) {
    const sum = candidates.reduce((total, { baseWeight }) => total + baseWeight, 0);
    this.slots = Uint32Array.from(candidates, ({ backend }) => backend.slot);
    this.shares = Float64Array.from(candidates, ({ baseWeight }) => baseWeight / sum);
    this.loads = loads;
    this.recountEvery = Math.max(1, candidates.length >> 3);
  }

  /** Before each pick. */
  begin(): void {
    if (this.picksLeft > 0) {
      this.picksLeft -= 1;
      this.total += 1;
      return;
    }
    this.picksLeft = this.recountEvery - 1;
    this.total = 1;
    for (const slot of this.slots) this.total += this.loads.inFlight(slot);
  }

  /** Whether one more request keeps the candidate of this index within the bound. */
  admits(index: number): boolean {
    const flying = this.loads.inFlight(this.slots[index] as number);
    return flying < FREE || flying < Math.ceil(BOUND * this.total * (this.shares[index] as number));
  }
}
