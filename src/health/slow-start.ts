/**
 * How much of its weight a backend has that has just come into service. Pure arithmetic; who ramps is decided elsewhere.
 *
 * The weight is moved in steps on a grid that the whole pool shares: however many backends ramp at once, a window costs at
 * most `STEPS` projections.
 */

import type { SlowStartSettings } from '../model/settings.ts';

/** Of one window. */
const STEPS = 20;

/**
 * `max(min_weight, (elapsed / window) ^ (1 / aggression))`, and 1 when the window is over (Envoy, `SlowStartConfig`).
 * @param elapsedMs in service, >= 0
 */
export function slowStartFactor(elapsedMs: number, { windowMs, minWeight, aggression }: SlowStartSettings): number {
  if (elapsedMs >= windowMs) return 1;
  return Math.max(minWeight, (elapsedMs / windowMs) ** (1 / aggression));
}

/** When the ramp's weight is moved next, or the ramp ends: after `at`, and not after its end unless that has passed. */
export function nextSlowStartStep(sinceMs: number, at: number, { windowMs }: SlowStartSettings): number {
  const stepMs = windowMs / STEPS;
  const onGrid = (Math.floor(at / stepMs) + 1) * stepMs;
  const endMs = sinceMs + windowMs;
  // On the grid, rounding may yield `at` itself.
  const nextMs = onGrid > at ? onGrid : onGrid + stepMs;
  return endMs > at ? Math.min(nextMs, endMs) : nextMs;
}
