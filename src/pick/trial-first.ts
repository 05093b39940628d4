/**
 * Sees to it that backends on trial get their request soon, whatever policy serves the others: every few picks go to a trial
 * with room first, if the request can be made again elsewhere. Trials are few and short, so a scan of them is cheap.
 */

import type { LoadReader, Picker, PickRequest } from '../model/picker.ts';
import type { Candidate } from '../model/snapshot.ts';
import { isFresh, scan, wasTried } from './scan.ts';
import type { Sequence } from './sequence.ts';

/** One pick in so many prefers a trial: the rest keep a bad comeback from catching a burst of requests. */
const EVERY = 4;

export class TrialFirst implements Picker {
  private readonly steady: Picker | null;
  private readonly trials: readonly Candidate[];
  private readonly loads: LoadReader;
  private readonly sequence: Sequence;

  /** @param steady picks among the candidates that are not on trial; null when there are none */
  constructor(steady: Picker | null, trials: readonly Candidate[], loads: LoadReader, sequence: Sequence) {
    this.steady = steady;
    this.trials = trials;
    this.loads = loads;
    this.sequence = sequence;
  }

  pick(request: PickRequest): Candidate | null {
    const turn = this.sequence.next();
    if (turn % EVERY !== 0 || !request.repeatable) {
      const steady = this.steady?.pick(request) ?? null;
      if (steady !== null && !wasTried(steady, request)) return steady;
    }
    const trial = scan(this.trials, Math.floor(turn / EVERY) % this.trials.length, request, this.loads);
    if (trial !== null && isFresh(trial, request, this.loads)) return trial;
    return this.steady?.pick(request) ?? trial;
  }
}
