/**
 * Serves a key from the owner of its place on a circle, and from the owners of the places after it while that one has no room, was
 * tried, or has more than its bounded share in flight: the same ones every time, so that caches stay warm in trouble, too.
 */

import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { BoundedLoad } from './bounded-load.ts';
import type { HashCircle } from './hash-circle.ts';
import { isFresh, scan } from './scan.ts';

/** Places looked at before every candidate is. */
const STEPS = 128;

export class ConsistentHash implements Picker {
  private readonly candidates: readonly Candidate[];
  private readonly loads: LoadReader;
  private readonly bound: BoundedLoad;
  private readonly circleOf: () => HashCircle;
  private circle: HashCircle | null = null;

  /**
   * @param candidates at least one
   * @param circleOf called with the first pick: pickers that serve nobody build nothing
   */
  constructor(candidates: readonly Candidate[], loads: LoadReader, circleOf: () => HashCircle) {
    this.candidates = candidates;
    this.loads = loads;
    this.bound = new BoundedLoad(candidates, loads);
    this.circleOf = circleOf;
  }

  pick(request: PickRequest): Candidate | null {
    const { candidates, loads, bound } = this;
    if (candidates.length === 1) return scan(candidates, 0, request, loads);
    this.circle ??= this.circleOf();
    const { owners } = this.circle;
    bound.begin();
    let place = this.circle.placeOf(request.hash | 0);
    let last = -1;
    let overloaded: Candidate | null = null;
    for (let step = 0; step < STEPS; step++) {
      const owner = owners[place] as number;
      place = place + 1 === owners.length ? 0 : place + 1;
      if (owner === last) continue;
      last = owner;
      const candidate = candidates[owner] as Candidate;
      if (!isFresh(candidate, request, loads)) continue;
      if (bound.admits(owner)) return candidate;
      overloaded ??= candidate;
    }
    return overloaded ?? scan(candidates, owners[place] as number, request, loads);
  }
}
