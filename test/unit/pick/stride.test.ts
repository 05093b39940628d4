/**
 * The published vectors. Left out of them on purpose: a weight that is not positive does not exist here, so nothing stands in for
 * it, and weights are not clamped to ten times their mean, as grpc-java does, since load reports are bounded before they get here.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadScore } from '../../../src/health/load-score.ts';
import { Sequence } from '../../../src/pick/sequence.ts';
import { Stride } from '../../../src/pick/stride.ts';

interface Fixture {
  readonly exact_counts: readonly { weights: readonly number[]; picks: number; counts: readonly number[] }[];
  readonly shares: readonly { weights: readonly number[]; start: number; picks: number; tolerance: number }[];
  readonly order: { weights: readonly number[]; starts: readonly number[]; picks: readonly number[] };
  readonly reports: {
    picks: number;
    tolerance: number;
    cases: readonly {
      reports: readonly (readonly [utilization: number, qps: number, eps: number])[];
      penalty: number;
      shares: readonly number[];
    }[];
  };
}

const fixture = JSON.parse(readFileSync(new URL('../../fixtures/stride.json', import.meta.url), 'utf8')) as Fixture;

function count(weights: readonly number[], start: number, picks: number): number[] {
  const sequence = new Sequence(start);
  const stride = new Stride(weights);
  const counts = weights.map(() => 0);
  for (let n = 0; n < picks; n++) {
    const index = stride.next(sequence);
    counts[index] = (counts[index] as number) + 1;
  }
  return counts;
}

describe('Stride', () => {
  it.each(fixture.exact_counts)('gives $weights exactly their turns', ({ weights, picks, counts }) => {
    expect(count(weights, 0, picks)).toEqual(counts);
  });

  it.each(fixture.shares)('gives $weights their shares from sequence $start on', (row) => {
    const { weights, start, picks, tolerance } = row;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    count(weights, start, picks).forEach((turns, index) => {
      expect(Math.abs(turns / picks - (weights[index] as number) / sum)).toBeLessThanOrEqual(tolerance);
    });
  });

  it.each(fixture.order.starts)('walks 2:3:6 in the published order from sequence %i on', (start) => {
    const sequence = new Sequence(start);
    const stride = new Stride(fixture.order.weights);
    expect(fixture.order.picks.map(() => stride.next(sequence))).toEqual(fixture.order.picks);
  });

  it.each(fixture.reports.cases)('gives reporters of $reports the shares $shares', ({ reports, penalty, shares }) => {
    const { picks, tolerance } = fixture.reports;
    const weights = reports.map(([utilization, rps, eps]) =>
      loadScore({ utilization, rps, errorRatio: eps / rps }, 1, penalty),
    );
    count(weights, 0, picks).forEach((turns, index) => {
      expect(Math.abs(turns / picks - (shares[index] as number))).toBeLessThanOrEqual(tolerance);
    });
  });

  it('never starves the smallest weight', () => {
    expect(count([1_000_000, 1], 0, 70_000)[1]).toBeGreaterThan(0);
  });
});
