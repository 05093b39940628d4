/** One after the other, whatever their weights; whoever has no room is passed over. */

import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { scan } from './scan.ts';
import type { Sequence } from './sequence.ts';

export class RoundRobin implements Picker {
  private readonly candidates: readonly Candidate[];
  private readonly loads: LoadReader;
  private readonly sequence: Sequence;

  constructor(candidates: readonly Candidate[], loads: LoadReader, sequence: Sequence) {
    this.candidates = candidates;
    this.loads = loads;
    this.sequence = sequence;
  }

  pick(request: PickRequest): Candidate | null {
    const { candidates } = this;
    if (candidates.length === 0) return null;
    return scan(candidates, this.sequence.next() % candidates.length, request, this.loads);
  }
}
