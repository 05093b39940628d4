/** The first in the configuration's order that has room; the others stand by. */

import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { scan } from './scan.ts';

export class First implements Picker {
  private readonly candidates: readonly Candidate[];
  private readonly loads: LoadReader;

  constructor(candidates: readonly Candidate[], loads: LoadReader) {
    this.candidates = candidates;
    this.loads = loads;
  }

  pick(request: PickRequest): Candidate | null {
    return scan(this.candidates, 0, request, this.loads);
  }
}
