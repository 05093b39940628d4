/**
 * Durations counted into fixed buckets, for histograms that only grow and can be added up over processes. Counting one is a
 * short walk over the bounds and two additions; nothing is allocated.
 */

/**
 * Upper bounds in milliseconds: 1, 2.5 and 5 to each power of ten. From what a backend beside us takes to what nobody waits
 * for; an objective between two bounds is interpolated by whoever asks.
 */
export const BOUNDS_MS: readonly number[] = [
  ...[1, 2.5, 5, 10, 25, 50, 100, 250, 500],
  ...[1_000, 2_500, 5_000, 10_000, 30_000],
];

/** One for each bound, one for what is longer, and the sum in milliseconds: what `counts` has. */
export const DURATION_COUNTS = BOUNDS_MS.length + 2;

const SUM = BOUNDS_MS.length + 1;

export class Durations {
  /** How many lie in each bucket alone, then the sum. */
  readonly counts = new Float64Array(DURATION_COUNTS);

  /** @param valueMs >= 0 */
  record(valueMs: number): void {
    const { counts } = this;
    let bucket = 0;
    while (bucket < BOUNDS_MS.length && valueMs > (BOUNDS_MS[bucket] as number)) bucket++;
    counts[bucket] = (counts[bucket] as number) + 1;
    counts[SUM] = (counts[SUM] as number) + valueMs;
  }
}

/** What a histogram shows of `Durations.counts`. */
export interface DurationFigures {
  /** How many took at most the bound of the same index; ascending. */
  readonly below: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

export function durationFigures(counts: ArrayLike<number>): DurationFigures {
  const below: number[] = [];
  let count = 0;
  for (let bucket = 0; bucket < BOUNDS_MS.length; bucket++) {
    count += counts[bucket] as number;
    below.push(count);
  }
  count += counts[BOUNDS_MS.length] as number;
  return { below, count, sumSeconds: (counts[SUM] as number) / 1_000 };
}
