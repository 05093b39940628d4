import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nextSlowStartStep, slowStartFactor } from '../../../src/health/slow-start.ts';

interface Case {
  readonly elapsed_s: number;
  readonly window_s: number;
  readonly aggression: number;
  readonly min_weight: number;
  readonly factor: number;
}

const { factors } = JSON.parse(
  readFileSync(new URL('../../fixtures/slow-start-factors.json', import.meta.url), 'utf8'),
) as { factors: readonly Case[] };

const WINDOW = { windowMs: 30_000, minWeight: 0.1, aggression: 1 };

describe('slow start', () => {
  it.each(factors)('gives a share of $factor after $elapsed_s s of $window_s s, aggression $aggression', (row) => {
    const settings = { windowMs: row.window_s * 1_000, minWeight: row.min_weight, aggression: row.aggression };
    expect(slowStartFactor(row.elapsed_s * 1_000, settings)).toBeCloseTo(row.factor, 5);
  });

  it('never falls, begins at the least weight and ends with the whole', () => {
    let last = 0;
    for (let elapsedMs = 0; elapsedMs <= WINDOW.windowMs; elapsedMs += 100) {
      const factor = slowStartFactor(elapsedMs, { ...WINDOW, aggression: 0.5 });
      expect(factor).toBeGreaterThanOrEqual(Math.max(last, WINDOW.minWeight));
      last = factor;
    }
    expect(last).toBe(1);
  });

  it('steps at most twenty times and once more at the end, always ahead', () => {
    for (const sinceMs of [0, 0.1, 12_345.678, 1e9 + 0.3]) {
      let at = sinceMs;
      let steps = 0;
      while (at < sinceMs + WINDOW.windowMs) {
        const next = nextSlowStartStep(sinceMs, at, WINDOW);
        expect(next).toBeGreaterThan(at);
        at = next;
        steps += 1;
      }
      expect(at).toBe(sinceMs + WINDOW.windowMs);
      expect(steps).toBeLessThanOrEqual(21);
    }
  });

  it('steps at the same instants for all that ramp at once', () => {
    const at = 61_000;
    expect(nextSlowStartStep(60_000, at, WINDOW)).toBe(nextSlowStartStep(60_900, at, WINDOW));
  });

  it('steps ahead where the grid and the instant are one up to rounding', () => {
    const settings = { ...WINDOW, windowMs: 7 };
    for (let n = 1; n < 5_000; n++) {
      const at = n * (settings.windowMs / 20);
      expect(nextSlowStartStep(at - 1, at, settings)).toBeGreaterThan(at);
    }
  });
});
