/**
 * How much of its weight a backend has that has just come into service. The weight is moved in steps on a grid that the whole
 * pool shares: however many backends ramp at once, a window costs at most `STEPS` projections and one per end of a ramp.
 *
 *   out ── enters ──► ramping ── the window is over, or nobody is left to lean on ──► full ── leaves ──► out
 *             └────── there is nobody to lean on ────────────────────────────────────► ▲
 *
 * To lean on is a backend that has served for a whole window: where all are new, to hold one back would only overload another.
 */

import type { SlowStartSettings } from '../model/settings.ts';

/** Of one window. */
const STEPS = 20;

export class Ramp {
  private settings: SlowStartSettings | null;
  /** When it entered service; null = out. */
  private enteredMs: number | null = null;
  private isRamping = false;

  /** @param settings null = full weight at once */
  constructor(settings: SlowStartSettings | null) {
    this.settings = settings;
  }

  configure(settings: SlowStartSettings | null): void {
    this.settings = settings;
  }

  /** Whether it serves and `enter` has not been told yet. */
  get isOut(): boolean {
    return this.enteredMs === null;
  }

  /** Whether others may lean on it. */
  isEstablishedAt(at: number): boolean {
    return this.enteredMs !== null && at >= this.enteredMs + (this.settings?.windowMs ?? 0);
  }

  enter(hasSupport: boolean, at: number): void {
    this.enteredMs = at;
    this.isRamping = hasSupport && this.settings !== null;
  }

  leave(): void {
    this.enteredMs = null;
    this.isRamping = false;
  }

  /** Nobody is left to lean on. */
  finish(): void {
    this.isRamping = false;
  }

  /** > 0, up to 1. */
  factorAt(at: number): number {
    if (this.settings === null || this.enteredMs === null || !this.isRamping) return 1;
    return slowStartFactor(at - this.enteredMs, this.settings);
  }

  /** When the weight moves next: after `at`, infinity when it does not. */
  nextStep(at: number): number {
    if (this.settings === null || this.enteredMs === null || !this.isRamping) return Number.POSITIVE_INFINITY;
    return nextSlowStartStep(this.enteredMs, at, this.settings);
  }

  /** How long until the whole weight; 0 when it has it. */
  remainingMs(at: number): number {
    if (this.settings === null || this.enteredMs === null || !this.isRamping) return 0;
    return Math.max(0, this.enteredMs + this.settings.windowMs - at);
  }
}

/**
 * `max(min_weight, (elapsed / window) ^ (1 / aggression))`, and 1 when the window is over (Envoy, `SlowStartConfig`).
 * @param elapsedMs in service, >= 0
 */
export function slowStartFactor(elapsedMs: number, { windowMs, minWeight, aggression }: SlowStartSettings): number {
  if (elapsedMs >= windowMs) return 1;
  return Math.max(minWeight, (elapsedMs / windowMs) ** (1 / aggression));
}

/** When a ramp's weight is moved next: after `at`; infinity when the ramp is over by then. */
export function nextSlowStartStep(sinceMs: number, at: number, { windowMs }: SlowStartSettings): number {
  const endMs = sinceMs + windowMs;
  if (at >= endMs) return Number.POSITIVE_INFINITY;
  const stepMs = windowMs / STEPS;
  const onGrid = (Math.floor(at / stepMs) + 1) * stepMs;
  // On the grid, rounding may yield `at` itself.
  return Math.min(onGrid > at ? onGrid : onGrid + stepMs, endMs);
}
