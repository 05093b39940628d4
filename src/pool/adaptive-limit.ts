/**
 * How many requests one backend may have in flight, found from its latency. While more in flight only means a longer wait, the
 * limit falls; while it does not, and the limit is what holds requests back, it rises.
 *
 *   limit = limit * clamp(tolerance * baseline / recent, 0.5, 1) + sqrt(limit)
 *
 * after every window of answers: the gradient of Netflix' concurrency-limits (gradient2) and of Envoy's adaptive concurrency
 * filter, whose root of the limit is the queue that is allowed. `recent` is the window's mean. The baseline, what an answer takes
 * when nothing waits, is the mean of a window with next to nothing in flight: it is measured at first and again every half minute
 * or so (jittered, so that a fleet of proxies does not do it together), by holding the limit at its minimum for one short window.
 *
 *   measuring --window full--> following --25 to 35 s--> measuring
 *
 * Pure: time comes with the answers. Invariant: min <= limit <= max.
 */

import type { Rng } from '../base/rng.ts';
import type { AdaptiveLimitSettings } from '../model/settings.ts';

/** A window is over after so long and so many answers, ... */
const WINDOW_MS = 100;
const WINDOW_ANSWERS = 20;
/** ... or after so long, if there were a few at all. */
const LONGEST_WINDOW_MS = 1_000;
const FEW_ANSWERS = 5;
/** Chance alone makes a window slower than the baseline: so much is not held against it (gradient2 has 1.5, Envoy 1.25). */
const TOLERANCE = 1.5;
const LEAST_GRADIENT = 0.5;
/** Share of a new limit in the one in force. */
const SMOOTHING = 0.5;
const MEASURE_EVERY_MS = 30_000;
const JITTER = 1 / 6;
/** A limit to begin with: what few backends are hurt by. */
const FIRST_LIMIT = 20;

export class AdaptiveLimit {
  private readonly settings: AdaptiveLimitSettings;
  private readonly rng: Rng;
  private followed: number;
  private isMeasuring = true;
  private baselineMs = 0;
  private measureAtMs = 0;
  private beganMs = Number.NEGATIVE_INFINITY;
  private answers = 0;
  private sumMs = 0;
  private most = 0;

  /** @param rng for the jitter */
  constructor(settings: AdaptiveLimitSettings, rng: Rng) {
    this.settings = settings;
    this.rng = rng;
    this.followed = this.clamp(FIRST_LIMIT);
  }

  /** Requests that may be in flight: a whole number from `min` to `max`. */
  get limit(): number {
    return this.isMeasuring && this.baselineMs > 0 ? this.settings.min : Math.floor(this.followed);
  }

  /** Time to the head of an answer with nothing waiting; 0 = not known yet. */
  get baseline(): number {
    return this.baselineMs;
  }

  /**
   * An answer has come, or has been given up on.
   * @param inFlight including it
   */
  observe(latencyMs: number, inFlight: number, at: number): void {
    if (this.beganMs === Number.NEGATIVE_INFINITY) this.begin(at);
    this.answers += 1;
    this.sumMs += latencyMs;
    if (inFlight > this.most) this.most = inFlight;
    const elapsedMs = at - this.beganMs;
    const isFull = elapsedMs >= WINDOW_MS && this.answers >= WINDOW_ANSWERS;
    if (isFull || (elapsedMs >= LONGEST_WINDOW_MS && this.answers >= FEW_ANSWERS)) this.review(at);
  }

  private review(at: number): void {
    const recentMs = Math.max(this.sumMs / this.answers, 0.001);
    // What was under way before the limit was lowered belongs to the window before.
    const isQuiet = this.most <= Math.max(this.settings.min, 1);
    if (this.isMeasuring && (isQuiet || this.baselineMs === 0)) {
      this.baselineMs = recentMs;
      this.isMeasuring = false;
      this.measureAtMs = at + MEASURE_EVERY_MS * (1 + JITTER * (2 * this.rng.next() - 1));
    } else if (!this.isMeasuring) {
      // Faster than the baseline: that one was measured with something waiting.
      if (recentMs < this.baselineMs) this.baselineMs = recentMs;
      this.follow(recentMs);
      if (at >= this.measureAtMs) this.isMeasuring = true;
    }
    this.begin(at);
  }

  private follow(recentMs: number): void {
    const gradient = Math.min(Math.max((TOLERANCE * this.baselineMs) / recentMs, LEAST_GRADIENT), 1);
    const aim = this.clamp(this.followed * gradient + Math.sqrt(this.followed));
    // A limit that nothing came near has not been tried.
    if (aim > this.followed && this.most < this.followed / 2) return;
    this.followed += (aim - this.followed) * SMOOTHING;
  }

  private begin(at: number): void {
    this.beganMs = at;
    this.answers = 0;
    this.sumMs = 0;
    this.most = 0;
  }

  private clamp(limit: number): number {
    return Math.min(Math.max(limit, this.settings.min), this.settings.max);
  }
}
