/**
 * When a backend is worse than its peers: by failure rate, and by latency. Pure arithmetic over one window's figures.
 *
 * Every backend is compared with the median of the others, itself left out: one outlier can neither hide behind itself nor
 * hide another, and the test works from two backends up. A share of the mean's standard deviations could not fire below five.
 * What the whole pool suffers makes nobody an outlier.
 */

/** A rate must be at least this many times the others'. */
const RATE_RATIO = 2;
/** A median latency must be above the others' by at least this: below it, ratios are noise. */
const MIN_EXCESS_MS = 10;

/**
 * For each value the median of the others; null where there is no other. Null values neither judge nor are judged.
 * One sort, whatever the number.
 */
export function mediansOfOthers(values: readonly (number | null)[]): readonly (number | null)[] {
  const sorted = Float64Array.from(values.filter((value) => value !== null)).sort();
  return values.map((value) => (value === null || sorted.length < 2 ? null : medianWithout(sorted, value)));
}

export interface FailureRate {
  readonly failures: number;
  /** > 0 */
  readonly requests: number;
}

/** How one backend's window compares with its peers'; null = not worse in that way, or nothing to compare. */
export interface Comparison {
  readonly failing: (FailureRate & { readonly othersRate: number }) | null;
  readonly slow: { readonly p50Ms: number; readonly othersP50Ms: number } | null;
}

/**
 * Whether a failure rate is high, at least twice the others', and not their rate with bad luck: the lower bound of its Wilson
 * score interval lies above theirs, at the deviation that the unluckiest of `peers` normal draws is expected to reach,
 * `sqrt(2 ln peers)`. So a thousand backends that fail alike yield no more false outliers than five do.
 * @param othersRate median failure rate of the others, 0 to 1
 * @param floor the rate below which nobody is an outlier, 0 to 1
 * @param peers how many are compared, itself included; >= 2
 */
export function isFailing(
  { failures, requests }: FailureRate,
  othersRate: number,
  floor: number,
  peers: number,
): boolean {
  const rate = failures / requests;
  if (failures === 0 || rate < floor || rate < RATE_RATIO * othersRate) return false;
  return wilsonLowerBound(rate, requests, Math.sqrt(2 * Math.log(peers))) > othersRate;
}

/**
 * Whether a median latency is `factor` times the others'. Who is slow already stays so until half of that is reached: a
 * backend that recovers under less traffic is not sent back and forth.
 * @param factor > 1
 */
export function isSlow(p50Ms: number, othersP50Ms: number, factor: number, wasSlow: boolean): boolean {
  const ratio = wasSlow ? Math.max(factor / 2, 1) : factor;
  return p50Ms >= ratio * othersP50Ms && p50Ms - othersP50Ms >= MIN_EXCESS_MS;
}

/** E. B. Wilson, 1927: the lower end of the interval of rates that `rate` of `requests` is consistent with. */
function wilsonLowerBound(rate: number, requests: number, deviations: number): number {
  const z2 = deviations ** 2 / requests;
  const margin = Math.sqrt(z2 * (rate * (1 - rate) + z2 / 4));
  return (rate + z2 / 2 - margin) / (1 + z2);
}

/** The median of `sorted` without one element that equals `value`; it must hold `value` and another. */
function medianWithout(sorted: Float64Array, value: number): number {
  const left = lowerBound(sorted, value);
  const at = (index: number) => sorted[index < left ? index : index + 1] as number;
  const others = sorted.length - 1;
  const upper = others >> 1;
  return others % 2 === 1 ? at(upper) : (at(upper - 1) + at(upper)) / 2;
}

/** The first index whose element is not below `value`. */
function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
