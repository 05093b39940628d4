/**
 * Hot or cold, then fast: backends with more in flight than most samples of the pool had are hot. Among cold ones the fastest
 * is taken, among hot ones the one with the least in flight (Wydrowski et al., "Load is not what you should balance:
 * introducing Prequal", 2024: the hot-cold lexicographic rule).
 *
 * What is in flight is what the backend itself last reported, for everybody, and what we have sent and had answered since; where
 * no fresh report is known, what the pool usually has from others stands for it. The paper's pool of probe samples is made for
 * hundreds of backends: with few, its rule for using samples again breaks down, so there is one sample per backend here, the
 * freshest, from whichever of answers, probes and heartbeats brought it.
 *
 * A few at random are compared, in small pools too: everybody hears the same reports, and would run after the same backend.
 */

import type { Rng } from '../base/rng.ts';
import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { Places } from './places.ts';
import { isFresh, scan } from './scan.ts';

const CHOICES = 5;

export class Prequal implements Picker {
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
    const { candidates, slots, shares } = places;
    const first = places.draw(this.rng);
    const choices = Math.min(CHOICES, slots.length);
    const hotFrom = loads.hotFrom();
    let best: Candidate | null = null;
    let least = Number.POSITIVE_INFINITY;
    let isBestHot = true;
    for (let step = 0, place = first; step < choices; step++) {
      const slot = slots[place] as number;
      const share = shares[place] as number;
      const flying = loads.totalInFlight(slot) * share;
      const isHot = flying > hotFrom;
      const cost = isHot ? flying : loads.latencyMs(slot) * (flying + 1);
      if (isHot === isBestHot ? cost < least : isBestHot) {
        const candidate = candidates[place] as Candidate;
        if (isFresh(candidate, request, loads)) {
          best = candidate;
          least = cost;
          isBestHot = isHot;
        }
      }
      place = place + 1 === slots.length ? 0 : place + 1;
    }
    return best ?? scan(candidates, first, request, loads);
  }
}
