/** The short version of `npm run sim:detection`: seeded, so that a bound either holds or does not. */

import { describe, expect, it } from 'vitest';
import { detect, distributionOf, type FaultName } from '../../src/sim/detection-time.ts';
import { countFalseRemovals, upperRate } from '../../src/sim/false-removals.ts';

describe('false removals', () => {
  const pool = { backends: 20, hours: 100, probeLoss: 0.01 };

  it('by lost probes alone stay within what three losses in a row explain', () => {
    const { backendHours, probes, removals } = countFalseRemovals(
      { ...pool, corroboration: { requestsPerSecond: 0, heartbeats: false } },
      'alone',
    );
    expect(probes / backendHours).toBeGreaterThan(700);
    // 720 an hour, 1 % ^ 3: 1.4 are expected, and more than six are once in a thousand.
    expect(removals).toBeLessThanOrEqual(6);
  });

  it('do not happen while requests succeed, however many probes are lost', () => {
    const { removals } = countFalseRemovals(
      { ...pool, hours: 5, probeLoss: 0.1, corroboration: { requestsPerSecond: 2, heartbeats: false } },
      'traffic',
    );
    expect(removals).toBe(0);
  });

  it('come with fewer probes where heartbeats and traffic vouch for a backend', () => {
    const { backendHours, probes } = countFalseRemovals(
      { ...pool, hours: 2, corroboration: { requestsPerSecond: 2, heartbeats: true } },
      'both',
    );
    expect(probes / backendHours).toBeLessThan(250);
  });

  it('are given with the rate that their number is still consistent with', () => {
    // Exact upper ends for 0, 3 and 10 events: 3.00, 7.75, 16.96.
    expect(upperRate(0, 1)).toBeCloseTo(3, 1);
    expect(upperRate(3, 1)).toBeCloseTo(7.75, 1);
    expect(upperRate(10, 2)).toBeCloseTo(16.96 / 2, 1);
  });
});

describe('at the defaults', () => {
  const RUNS = 8;
  const cases: readonly (readonly [fault: FaultName, suspectedS: number, removedS: number, traffic: number])[] = [
    // Five requests in a row, at twenty a second.
    ['kill', 1, 1, 20],
    // One interval with jitter, then three time-outs.
    ['kill', 8, 8, 0],
    ['hang', 11.6, 11.6, 20],
    ['hang', 11.6, 11.6, 0],
    // A window must fill with failures; then it is a matter of luck until their share is above the limit.
    ['a third fails', 15, 15, 20],
    // The median moves when half of the window is slow; a whole window of less weight must then not have helped.
    ['10x slower', 11, 21, 20],
    // The rhythm, with ten per cent of jitter, and the lease; the fault begins up to an interval after the last beat.
    ['heartbeats stop', 3.5, 6, 20],
  ];

  it.each(cases)(
    '%s: less traffic within %d s and none within %d s, at %d requests/s',
    (fault, less, none, traffic) => {
      const run = { fault, backends: 5, requestsPerSecond: 5 * traffic };
      const detections = Array.from({ length: RUNS }, (_, seed) => detect(run, `${seed}`));
      expect(detections.flatMap(({ violations }) => violations)).toEqual([]);
      expect(distributionOf(detections.map(({ suspectedMs }) => suspectedMs)).max).toBeLessThanOrEqual(less * 1_000);
      expect(distributionOf(detections.map(({ removedMs }) => removedMs)).max).toBeLessThanOrEqual(none * 1_000);
      expect(detections.filter(({ falseRemovals }) => falseRemovals > 0)).toEqual([]);
    },
  );

  it('a backend ten times as slow as 49 others loses weight, then leaves', () => {
    const { suspectedMs, removedMs, falseRemovals } = detect(
      { fault: '10x slower', backends: 50, requestsPerSecond: 500 },
      'fifty',
    );
    expect(suspectedMs).toBeLessThan(11_000);
    expect(removedMs).toBeGreaterThan((suspectedMs as number) + 9_000);
    expect(removedMs).toBeLessThan(21_000);
    expect(falseRemovals).toBe(0);
  });
});

it('a delay that did not happen is counted, and is longer than any other', () => {
  expect(distributionOf([300, null, 100, 200])).toEqual({ p50: 200, p90: Infinity, max: Infinity, missed: 1 });
});
