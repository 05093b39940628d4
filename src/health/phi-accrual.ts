/**
 * Suspicion that grows with silence: the phi accrual failure detector (Hayashibara et al., 2004). phi is -log10 of the
 * probability that a heartbeat still comes after this much silence, given the rhythm learned from the last ones. The
 * normal distribution is taken by the logistic approximation that Akka and Pekko use, so that phi has an inverse and
 * nobody needs to poll it.
 */

/** cdf(y) = 1 / (1 + exp(-y (LINEAR + CUBIC y^2))), within 0.0002 of the normal distribution's (Bowling et al., 2009). */
const LINEAR = 1.5976;
const CUBIC = 0.070566;

/** Intervals that a rhythm is made of. */
const MAX_SAMPLES = 100;

/** A rhythm is never taken to be steadier than this, nor than a tenth of its mean: senders jitter, and so do we. */
const MIN_DEVIATION_MS = 100;
const MIN_DEVIATION_RATIO = 0.1;

export interface Rhythm {
  readonly meanMs: number;
  /** > 0 */
  readonly deviationMs: number;
}

/**
 * How strongly `elapsedMs` of silence speaks for a loss: 1 = one chance in ten that it is only late, 5 = one in 100,000.
 * From 0 upwards, growing with `elapsedMs`; 0.3 at the mean.
 */
export function phiOf(elapsedMs: number, { meanMs, deviationMs }: Rhythm): number {
  const y = (elapsedMs - meanMs) / deviationMs;
  const x = y * (LINEAR + CUBIC * y * y);
  // log10(1 + e^x), in the form that neither overflows nor underflows.
  return (Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))) / Math.LN10;
}

/** The silence, in milliseconds, after which `phiOf` reaches `phi` (> 0): its inverse, by the one real root of the cubic. */
export function elapsedAtPhi(phi: number, { meanMs, deviationMs }: Rhythm): number {
  const x = phi * Math.LN10 + Math.log1p(-(10 ** -phi));
  const a = LINEAR / CUBIC;
  const b = Math.abs(x) / CUBIC;
  const u = Math.cbrt(b / 2 + Math.sqrt((b * b) / 4 + (a * a * a) / 27));
  return meanMs + Math.sign(x) * (u - a / (3 * u)) * deviationMs;
}

/** The last intervals between heartbeats. */
export class ArrivalWindow {
  private readonly samples: number[] = [];
  private readonly maxSamples: number;
  private next = 0;

  constructor(maxSamples = MAX_SAMPLES) {
    this.maxSamples = maxSamples;
  }

  /** Forgets everything and expects about one heartbeat per `intervalMs`, give or take a quarter. */
  bootstrap(intervalMs: number): void {
    this.samples.length = 0;
    this.next = 0;
    this.add(intervalMs * 0.75);
    this.add(intervalMs * 1.25);
  }

  /** Learns one interval; the oldest makes room for it. */
  add(intervalMs: number): void {
    this.samples[this.next] = intervalMs;
    this.next = (this.next + 1) % this.maxSamples;
  }

  /** Mean and population standard deviation, the latter with its floor. At least one interval must have been learned. */
  rhythm(): Rhythm {
    const count = this.samples.length;
    let sum = 0;
    for (const sample of this.samples) sum += sample;
    const meanMs = sum / count;
    let squares = 0;
    for (const sample of this.samples) squares += (sample - meanMs) ** 2;
    const deviationMs = Math.max(Math.sqrt(squares / count), MIN_DEVIATION_MS, meanMs * MIN_DEVIATION_RATIO);
    return { meanMs, deviationMs };
  }
}
