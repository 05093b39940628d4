/**
 * Percentiles of durations over the last half to whole minute: two log-linear histograms, the older one thrown away every
 * half period. Recording is a few integer operations and allocates nothing.
 * Buckets: 1/64 ms wide up to half a millisecond, then 16 to every doubling, so a percentile is off by at most 3 %.
 */

const UNITS_PER_MS = 64;
const LINEAR_BUCKETS = 32;
const SUB_BUCKETS = 16;
const LOWEST_EXPONENT = 5;
/** 2^28 units: 70 minutes. Longer durations count as this. */
const HIGHEST_UNIT = 2 ** 28 - 1;
const BUCKETS = LINEAR_BUCKETS + (28 - LOWEST_EXPONENT) * SUB_BUCKETS;

export class Histogram {
  private readonly halfPeriodMs: number;
  private recent = new Uint32Array(BUCKETS);
  private older = new Uint32Array(BUCKETS);
  private rotateAtMs = Number.NEGATIVE_INFINITY;

  /** @param periodMs what a percentile looks back over, at most */
  constructor(periodMs = 60_000) {
    this.halfPeriodMs = periodMs / 2;
  }

  /** @param valueMs >= 0 */
  record(valueMs: number, at: number): void {
    this.rotate(at);
    const bucket = bucketOf(valueMs);
    this.recent[bucket] = (this.recent[bucket] as number) + 1;
  }

  /**
   * The values below which the given shares of the recorded ones lie, in milliseconds; null when nothing was recorded.
   * @param shares ascending, each above 0 and up to 1
   */
  percentiles(shares: readonly number[], at: number): readonly number[] | null {
    this.rotate(at);
    let total = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) total += this.countIn(bucket);
    if (total === 0) return null;
    const values: number[] = [];
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS && values.length < shares.length; bucket++) {
      below += this.countIn(bucket);
      while (values.length < shares.length && below >= (shares[values.length] as number) * total) {
        values.push(middleOf(bucket));
      }
    }
    return values;
  }

  private countIn(bucket: number): number {
    return (this.recent[bucket] as number) + (this.older[bucket] as number);
  }

  private rotate(at: number): void {
    if (at < this.rotateAtMs) return;
    const stale = this.older;
    if (at >= this.rotateAtMs + this.halfPeriodMs) this.recent.fill(0);
    this.older = this.recent;
    this.recent = stale.fill(0);
    this.rotateAtMs = at + this.halfPeriodMs;
  }
}

function bucketOf(valueMs: number): number {
  const unit = Math.min(valueMs * UNITS_PER_MS, HIGHEST_UNIT) >>> 0;
  if (unit < LINEAR_BUCKETS) return unit;
  const exponent = 31 - Math.clz32(unit);
  const offset = (unit >>> (exponent - 4)) - SUB_BUCKETS;
  return LINEAR_BUCKETS + (exponent - LOWEST_EXPONENT) * SUB_BUCKETS + offset;
}

/** The middle of a bucket, in milliseconds, to two decimals. */
function middleOf(bucket: number): number {
  if (bucket < LINEAR_BUCKETS) return round((bucket + 0.5) / UNITS_PER_MS);
  const exponent = LOWEST_EXPONENT + Math.floor((bucket - LINEAR_BUCKETS) / SUB_BUCKETS);
  const offset = (bucket - LINEAR_BUCKETS) % SUB_BUCKETS;
  return round(((SUB_BUCKETS + offset + 0.5) * 2 ** (exponent - 4)) / UNITS_PER_MS);
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
