/**
 * Learns how slow each backend is against its pool, apart from how busy it is. Answers take longer where more is in flight;
 * how much longer is fitted over the whole pool as a line (latency = a + b * requests in flight per weight), and a backend's
 * slowness is the mean of its latencies divided by what the line says for as many requests. So a backend that merely has
 * more to do is not slow, and one that is slow with little to do is.
 *
 * What `of` gives is damped: the square root, and 1 within a band in which chance cannot be told from cause. Where it
 * multiplies the requests in flight, the square root is what keeps the slower half of a pool in use, as far as that shortens
 * the queues of the others (docs/balancing.md has the figures). Failures teach nothing here: failing fast is not being fast.
 *
 * Nothing is learned of a backend that gets no requests, so what is known fades with time: every outcome in the
 * pool ages one slot, in turn. Assumes that `at` never decreases. Invariant: `of` is finite and above 0.
 */

/** A slot's mean follows this fast where answers are rare, ... */
const FOLLOW_MS = 500;
/** ... and where they are frequent or very rare, each counts for at least and at most so much. */
const LEAST_SHARE = 0.01;
const GREATEST_SHARE = 0.07;
/** What one answer counts for in the pool's line. */
const LINE_SHARE = 1 / 512;
/** Of the mean latency per request in flight, the slope is at least this: more in flight never means faster. */
const LEAST_SLOPE = 0.1;
/**
 * Added to every latency before it is compared: by so much schedulers and networks make equal machines differ. Of backends that
 * answer within a millisecond none is slow because another takes half of one.
 */
const NOISE_MS = 2;
/** Bounds of a mean. Whoever says nothing in no time, such as 404 to everything, is not worth more than twice as much. */
const FASTEST = 1 / 4;
const SLOWEST = 16;
/** Within 1/BAND and BAND, slowness counts as 1. */
const BAND = 1.25;
/** Of what is known, about two thirds are forgotten in so long without an answer. */
const FADE_MS = 5_000;
/** What is left of a difference when it is forgotten altogether: what fades must end. */
const NEGLIGIBLE = 0.002;

export class Slowness {
  /** What is read. */
  private damped: Float64Array;
  private means: Float64Array;
  private weights: Float64Array;
  private touchedMs: Float64Array;
  // Running sums of the line: decayed count, x, y, x^2 and x*y.
  private n = 0;
  private x = 0;
  private y = 0;
  private xx = 0;
  private xy = 0;
  /** Of the means, as they were when answers came: what keeps them from drifting away together. */
  private level = 0;

  constructor(capacity: number) {
    this.damped = new Float64Array(capacity).fill(1);
    this.means = new Float64Array(capacity).fill(1);
    this.weights = new Float64Array(capacity).fill(1);
    this.touchedMs = new Float64Array(capacity);
  }

  /** 1 = as the pool, or unknown; finite, above 0. */
  of(slot: number): number {
    return this.damped[slot] as number;
  }

  /** @param weight as configured: what is in flight counts per unit of it; > 0 */
  weigh(slot: number, weight: number): void {
    this.weights[slot] = weight;
  }

  /** @param inFlight including the one that has been answered */
  succeed(slot: number, inFlight: number, latencyMs: number, at: number): void {
    const x = inFlight / (this.weights[slot] as number);
    const mean = this.means[slot] as number;
    const noisyMs = latencyMs + NOISE_MS;
    const usualMs = this.fit(x, noisyMs, mean);
    if (usualMs > 0) {
      const elapsedMs = at - (this.touchedMs[slot] as number);
      const share = Math.min(Math.max(elapsedMs / (elapsedMs + FOLLOW_MS), LEAST_SHARE), GREATEST_SHARE);
      const next = mean + (Math.min(noisyMs / usualMs, SLOWEST) - mean) * share;
      this.means[slot] = Math.min(Math.max(next, FASTEST), SLOWEST);
    }
    this.touch(slot, at);
  }

  /** Makes one slot forget what it has not been told for long; true when that changed it. */
  age(slot: number, at: number): boolean {
    const elapsedMs = at - (this.touchedMs[slot] as number);
    if (elapsedMs < FADE_MS / 100 || this.means[slot] === 1) return false;
    const left = Math.exp(-elapsedMs / FADE_MS);
    const mean = 1 + ((this.means[slot] as number) - 1) * left;
    this.means[slot] = Math.abs(mean - 1) < NEGLIGIBLE ? 1 : mean;
    this.touch(slot, at);
    return true;
  }

  /** The slot has a new owner, of whom nothing is known. */
  reset(slot: number): void {
    this.means[slot] = 1;
    this.weights[slot] = 1;
    this.damped[slot] = 1;
    this.touchedMs[slot] = 0;
  }

  grow(capacity: number): void {
    const before = this.damped.length;
    this.damped = enlarged(this.damped, capacity).fill(1, before);
    this.means = enlarged(this.means, capacity).fill(1, before);
    this.weights = enlarged(this.weights, capacity).fill(1, before);
    this.touchedMs = enlarged(this.touchedMs, capacity);
  }

  /** Takes one answer into the pool's line, corrected by what is known of its backend; returns what the line says for `x`. */
  private fit(x: number, latencyMs: number, mean: number): number {
    const kept = 1 - LINE_SHARE;
    this.n = this.n * kept + 1;
    this.level = this.level * kept + mean;
    const y = (latencyMs * this.level) / (this.n * mean);
    this.x = this.x * kept + x;
    this.y = this.y * kept + y;
    this.xx = this.xx * kept + x * x;
    this.xy = this.xy * kept + x * y;
    const meanX = this.x / this.n;
    const meanY = this.y / this.n;
    const variance = this.xx / this.n - meanX * meanX;
    const covariance = this.xy / this.n - meanX * meanY;
    // At most, latency is in proportion to what is in flight.
    const steepest = meanY / meanX;
    const slope =
      variance > 1e-6 ? Math.min(Math.max(covariance / variance, LEAST_SLOPE * steepest), steepest) : steepest;
    return meanY + slope * (x - meanX);
  }

  private touch(slot: number, at: number): void {
    this.touchedMs[slot] = at;
    const mean = this.means[slot] as number;
    this.damped[slot] = mean > BAND || mean < 1 / BAND ? Math.sqrt(mean) : 1;
  }
}

function enlarged(values: Float64Array, capacity: number): Float64Array {
  const larger = new Float64Array(capacity);
  larger.set(values);
  return larger;
}
