/** Turns in proportion to weights, each backend's spread evenly; plain round robin while all weights are equal. */

import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { isFresh, scan } from './scan.ts';
import type { Sequence } from './sequence.ts';
import { Stride } from './stride.ts';

/** Turns offered to others when the one whose turn it is cannot take it, before every candidate is looked at. */
const TURNS = 4;

export class WeightedRoundRobin implements Picker {
  private readonly candidates: readonly Candidate[];
  private readonly loads: LoadReader;
  private readonly sequence: Sequence;
  private readonly stride: Stride;

  /** @param candidates at least one */
  constructor(candidates: readonly Candidate[], loads: LoadReader, sequence: Sequence) {
    this.candidates = candidates;
    this.loads = loads;
    this.sequence = sequence;
    this.stride = new Stride(candidates.map(({ weight }) => weight));
  }

  pick(request: PickRequest): Candidate | null {
    let index = 0;
    for (let turn = 0; turn < TURNS; turn++) {
      index = this.stride.next(this.sequence);
      const candidate = this.candidates[index] as Candidate;
      if (isFresh(candidate, request, this.loads)) return candidate;
    }
    return scan(this.candidates, index, request, this.loads);
  }
}
