/**
 * How long each backend takes to the head of an answer, as policies that compare latencies see it: an exponentially weighted
 * mean that follows time and not the number of answers. Two kinds: `peak` jumps up to every slower answer (Finagle's peak EWMA),
 * `mean` does not.
 *
 * A failure counts as five seconds, whatever it took: failing fast is not being fast. The unknown begin at the pool's median,
 * never at 0, and who gets no requests comes back to it: every outcome in the pool ages one slot, in turn.
 */

/** Of what is known, about two thirds are forgotten in so long. */
const DECAY_MS = 10_000;
/** The plain mean is there to say how things are now. */
const MEAN_DECAY_MS = 1_000;
const FAILURE_MS = 5_000;
/** The median moves by this share of itself towards every answer. */
const MEDIAN_STEP = 1.02;

export class LatencyMeans {
  private readonly isPeak: boolean;
  private readonly decayMs: number;
  /** 0 = unknown. */
  private means: Float64Array;
  private touchedMs: Float64Array;
  private medianMs = 0;

  constructor(kind: 'peak' | 'mean', capacity: number) {
    this.isPeak = kind === 'peak';
    this.decayMs = this.isPeak ? DECAY_MS : MEAN_DECAY_MS;
    this.means = new Float64Array(capacity);
    this.touchedMs = new Float64Array(capacity);
  }

  /** Milliseconds, above 0; 1 for all before the first answer. */
  of(slot: number): number {
    return (this.means[slot] as number) || this.medianMs || 1;
  }

  succeed(slot: number, latencyMs: number, at: number): void {
    const atLeastMs = Math.max(latencyMs, 0.01);
    if (this.medianMs === 0) this.medianMs = atLeastMs;
    else this.medianMs *= atLeastMs > this.medianMs ? MEDIAN_STEP : 1 / MEDIAN_STEP;
    const mean = this.means[slot] as number;
    if (mean === 0 || (this.isPeak && atLeastMs > mean)) this.means[slot] = atLeastMs;
    else this.means[slot] = atLeastMs + (mean - atLeastMs) * this.leftOf(slot, at);
    this.touchedMs[slot] = at;
  }

  fail(slot: number, at: number): void {
    this.means[slot] = Math.max(this.means[slot] as number, FAILURE_MS);
    this.touchedMs[slot] = at;
  }

  /** Makes one slot that was not told anything for long come closer to the median. */
  age(slot: number, at: number): void {
    const mean = this.means[slot] as number;
    if (mean === 0 || at - (this.touchedMs[slot] as number) < this.decayMs / 100) return;
    const next = this.medianMs + (mean - this.medianMs) * this.leftOf(slot, at);
    this.means[slot] = Math.abs(next - this.medianMs) < 0.01 * this.medianMs ? 0 : next;
    this.touchedMs[slot] = at;
  }

  /** The slot has a new owner, of whom nothing is known. */
  reset(slot: number): void {
    this.means[slot] = 0;
    this.touchedMs[slot] = 0;
  }

  grow(capacity: number): void {
    this.means = enlarged(this.means, capacity);
    this.touchedMs = enlarged(this.touchedMs, capacity);
  }

  private leftOf(slot: number, at: number): number {
    return Math.exp(((this.touchedMs[slot] as number) - at) / this.decayMs);
  }
}

function enlarged(values: Float64Array, capacity: number): Float64Array {
  const larger = new Float64Array(capacity);
  larger.set(values);
  return larger;
}
