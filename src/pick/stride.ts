/**
 * Static stride scheduling: which of n weighted places is next, from a counter and nothing else. Spreads each place's turns
 * evenly, needs no state per place, and takes max/mean steps per turn on average.
 * Source: gRFC A58 and the scheduler of grpc-go, including its scale and offset.
 */

import type { Sequence } from './sequence.ts';

const MAX_SCALED = 0xffff;
/** Half the scale: neighbours of equal weight take turns in different generations. */
const OFFSET = MAX_SCALED >> 1;

export class Stride {
  private readonly scaled: Uint16Array;

  /** @param weights all > 0, at least one; a weight below 1/65,535 of the largest counts as that */
  constructor(weights: readonly number[]) {
    const largest = weights.reduce((max, weight) => Math.max(max, weight), 0);
    this.scaled = Uint16Array.from(weights, (weight) => Math.max(1, Math.round((weight / largest) * MAX_SCALED)));
  }

  /** The index of the next place. */
  next(sequence: Sequence): number {
    const { scaled } = this;
    for (;;) {
      const turn = sequence.next();
      const index = turn % scaled.length;
      const generation = Math.floor(turn / scaled.length) % MAX_SCALED;
      const weight = scaled[index] as number;
      if ((weight * generation + index * OFFSET) % MAX_SCALED >= MAX_SCALED - weight) return index;
    }
  }
}
