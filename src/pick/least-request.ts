/**
 * The fewest requests in flight, for its weight and its slowness: cost = (inFlight / weight + 1.5 * slowness) * slowness. The slowness that
 * the ledger learns is that of the backend and not of its queue, so what is in flight is not counted twice, and it needs
 * nobody's word. Failures count as in flight until they are forgiven, so nobody is drawn to a backend that fails fast.
 *
 * Small pools look at everyone, from a place that is drawn anew; large ones at a handful, which avoids nearly all of the
 * queueing at a fixed price (Mitzenmacher, "The power of two choices", 2001) and keeps many proxies from running after the
 * same backend.
 *
 * The first place is drawn by weight and wins ties: an idle pool shares in proportion to weights, and a loaded one levels
 * `inFlight / weight`. With the usual `(inFlight + 1) / weight` an idle pool would send everything to its heaviest backend.
 */

import type { Rng } from '../base/rng.ts';
import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { Places } from './places.ts';
import { isFresh, scan } from './scan.ts';

/**
 * What an idle backend counts as having, times its slowness: so long a queue at the fast is shorter than no queue at the slow.
 * Less leaves work with slow machines while fast ones have processors free, more leaves slow ones idle in a full pool.
 */
const IDLE = 1.5;

export class LeastRequest implements Picker {
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
      const slowness = loads.slowness(slot);
      const cost = (loads.burden(slot) * (shares[place] as number) + IDLE * slowness) * slowness;
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
