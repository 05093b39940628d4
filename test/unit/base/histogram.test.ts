import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../src/base/histogram.ts';

const SHARES = [0.5, 0.9, 0.99];

describe('Histogram', () => {
  it('says nothing before the first value', () => {
    expect(new Histogram().percentiles(SHARES, 0)).toBeNull();
  });

  it('is within 4 % of exact percentiles from microseconds to a minute', () => {
    for (const scale of [1, 30, 1_000, 60_000]) {
      const histogram = new Histogram();
      for (let n = 1; n <= 1_000; n++) histogram.record((n / 1_000) * scale, 0);
      histogram.percentiles(SHARES, 0)?.forEach((value, index) => {
        const exact = (SHARES[index] as number) * scale;
        expect(Math.abs(value - exact), `p${SHARES[index]} of ${scale} ms`).toBeLessThan(0.04 * exact + 0.01);
      });
    }
  });

  it('keeps a value for at least half the period and at most the whole', () => {
    const histogram = new Histogram(60_000);
    histogram.record(5, 1_000);
    expect(histogram.percentiles([0.5], 30_999)).not.toBeNull();
    expect(histogram.percentiles([0.5], 31_001)).not.toBeNull();
    expect(histogram.percentiles([0.5], 61_001)).toBeNull();
  });

  it('is empty after a long gap', () => {
    const histogram = new Histogram(60_000);
    histogram.record(5, 1_000);
    histogram.record(5, 40_000);
    expect(histogram.percentiles([0.5], 200_000)).toBeNull();
  });

  it('takes zero and absurd durations without leaving its range', () => {
    const histogram = new Histogram();
    histogram.record(0, 0);
    histogram.record(1e12, 0);
    const [low, high] = histogram.percentiles([0.5, 1], 0) as number[];
    expect(low).toBeLessThan(0.02);
    expect(high).toBeGreaterThan(60 * 60_000);
  });
});
