import { describe, expect, it } from 'vitest';
import { Sequence } from '../../../src/pick/sequence.ts';
import { Stride } from '../../../src/pick/stride.ts';

/** Cases of the static stride scheduler's own tests in grpc-java and grpc-go (gRFC A58). */
const EXACT_COUNTS = [{ weights: [1, 2, 3], picks: 6, counts: [1, 2, 3] }];
const SHARES = [
  { weights: [1.43, 2.119], start: 0 },
  { weights: [1.3, 2.5, 3.23, 4.11, 7.001], start: 0 },
  { weights: [1, 2, 3, 4, 5], start: -1 },
  { weights: [1, 2, 3, 4, 5], start: -500 },
];

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
  it.each(EXACT_COUNTS)('gives $weights exactly their turns', ({ weights, picks, counts }) => {
    expect(count(weights, 0, picks)).toEqual(counts);
  });

  it.each(SHARES)('gives $weights their shares from sequence $start on', ({ weights, start }) => {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    count(weights, start, 1_000).forEach((turns, index) => {
      expect(Math.abs(turns / 1_000 - (weights[index] as number) / sum)).toBeLessThanOrEqual(0.002);
    });
  });

  it.each([0, -1])('walks 2:3:6 in the published order from sequence %i on', (start) => {
    const sequence = new Sequence(start);
    const stride = new Stride([2, 3, 6]);
    const picked = Array.from({ length: 6 }, () => stride.next(sequence));
    expect(picked).toEqual([1, 2, 2, 0, 1, 2]);
  });

  it('never starves the smallest weight', () => {
    expect(count([1_000_000, 1], 0, 70_000)[1]).toBeGreaterThan(0);
  });
});
