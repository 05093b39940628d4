/**
 * The least time that a request may be expected to take: cost = (inFlight / weight + 1) * peak EWMA of the time to an answer's
 * head, as in Finagle. That mean jumps up to every slower answer and comes down over seconds, so that trouble is noticed at once.
 * The ledger keeps it: failures count as five seconds, and the unknown begin at the pool's median, never at 0.
 *
 * Against least_request it counts a backend's queue twice, in what is in flight and in how long that takes: it leaves slow
 * backends sooner, and uses them less.
 */

import type { Rng } from '../base/rng.ts';
import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { Places } from './places.ts';
import { isFresh, scan } from './scan.ts';

export class PeakEwma implements Picker {
  private readonly places: Places;
  private readonly loads: LoadReader;
  private readonly rng: Rng;

  /** @param candidates at least one */
  constructor(candidates: readonly Candidate[], loads: LoadReader, rng: Rng) {
    this.places = new Places(candidates, rng);
    this.loads = loads;
    this.rng = rng;
  }

  pick(request: PickRequest): Candidate | null {
    const { places, loads } = this;
    const { candidates, slots, shares, choices } = places;
    const first = places.draw(this.rng);
    let best: Candidate | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (let step = 0, place = first; step < choices; step++) {
      const slot = slots[place] as number;
      const cost = (loads.inFlight(slot) * (shares[place] as number) + 1) * loads.latencyMs(slot);
      if (cost < least) {
        const candidate = candidates[place] as Candidate;
        if (isFresh(candidate, request, loads)) {
          best = candidate;
          least = cost;
        }
      }
      place = place + 1 === slots.length ? 0 : place + 1;
    }
    return best ?? scan(candidates, first, request, loads);
  }
}
