import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArrivalWindow, elapsedAtPhi, phiOf } from '../../../src/health/phi-accrual.ts';

// Numbers of Akka's and Pekko's own tests; the file names its source.
const vectors = JSON.parse(readFileSync(new URL('../../fixtures/phi-accrual.json', import.meta.url), 'utf8')) as {
  phi: { t: number; mean: number; sd: number; cdf?: number; phi?: number; tol: number }[];
  statistics: { samples: number[]; mean?: number; variance: number; max_sample_size?: number }[];
};

describe('phiOf', () => {
  it.each(vectors.phi)('agrees with the published value at t=$t, mean $mean, deviation $sd', (vector) => {
    const phi = phiOf(vector.t, { meanMs: vector.mean, deviationMs: vector.sd });
    if (vector.cdf !== undefined) expect(Math.abs(1 - 10 ** -phi - vector.cdf)).toBeLessThanOrEqual(vector.tol);
    else expect(Math.abs(phi - (vector.phi as number))).toBeLessThanOrEqual(vector.tol + 1e-9);
  });

  it('grows with the silence, and stays finite where the probability underflows', () => {
    const rhythm = { meanMs: 2_000, deviationMs: 200 };
    let last = -1;
    for (let elapsedMs = 0; elapsedMs < 100_000; elapsedMs += 250) {
      const phi = phiOf(elapsedMs, rhythm);
      expect(phi).toBeGreaterThanOrEqual(last);
      expect(phi).toBeLessThan(Number.POSITIVE_INFINITY);
      last = phi;
    }
  });

  it('suspects a ragged rhythm later than a steady one', () => {
    expect(phiOf(1_100, { meanMs: 1_000, deviationMs: 500 })).toBeLessThan(
      phiOf(1_100, { meanMs: 1_000, deviationMs: 100 }),
    );
  });
});

describe('elapsedAtPhi', () => {
  it('is the inverse of phiOf', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: 1, max: 1e5, noNaN: true }),
        (phi, meanMs, deviationMs) => {
          const rhythm = { meanMs, deviationMs };
          expect(phiOf(elapsedAtPhi(phi, rhythm), rhythm) / phi).toBeCloseTo(1, 6);
        },
      ),
    );
  });
});

describe('ArrivalWindow', () => {
  it.each(vectors.statistics)('has the published mean and variance of $samples', (vector) => {
    const window = new ArrivalWindow(vector.max_sample_size ?? 100);
    for (const sample of vector.samples) window.add(sample);
    const { meanMs, deviationMs } = window.rhythm();
    if (vector.mean !== undefined) expect(meanMs).toBeCloseTo(vector.mean, 4);
    expect(deviationMs).toBeCloseTo(Math.max(Math.sqrt(vector.variance), 100, meanMs / 10), 5);
  });

  it('starts from the expected interval, give or take a quarter', () => {
    const window = new ArrivalWindow();
    window.add(9);
    window.bootstrap(1_000);
    expect(window.rhythm()).toEqual({ meanMs: 1_000, deviationMs: 250 });
    // One heartbeat only: the published timeline 0.3 at 1 s, 4.5 at 2 s.
    expect(phiOf(1_000, window.rhythm())).toBeCloseTo(0.3, 1);
    expect(Math.abs(phiOf(2_000, window.rhythm()) - 4.5)).toBeLessThanOrEqual(0.3);
    expect(phiOf(3_000, window.rhythm())).toBeGreaterThan(15);
  });

  it('forgets what is older than its size', () => {
    const window = new ArrivalWindow(3);
    for (const sample of [100, 100, 100, 500, 500, 500]) window.add(sample);
    expect(window.rhythm().meanMs).toBe(500);
  });

  it('takes no rhythm to be steadier than a tenth of its mean', () => {
    const window = new ArrivalWindow();
    for (let i = 0; i < 10; i++) window.add(5_000);
    expect(window.rhythm()).toEqual({ meanMs: 5_000, deviationMs: 500 });
  });
});
