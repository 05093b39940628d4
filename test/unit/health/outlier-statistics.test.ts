import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { isFailing, isSlow, mediansOfOthers } from '../../../src/health/outlier-statistics.ts';

interface Pool {
  readonly name: string;
  readonly requests: readonly number[];
  readonly failures: readonly number[];
  readonly min_requests: number;
  readonly outliers: readonly number[];
}

const { cases } = JSON.parse(readFileSync(new URL('../../fixtures/outlier-pools.json', import.meta.url), 'utf8')) as {
  cases: readonly Pool[];
};

const FLOOR = 0.25;

/** Indices of the backends that fail more than their peers. */
function failing(requests: readonly number[], failures: readonly number[], minRequests: number): number[] {
  const rates = requests.map((count, index) => (count < minRequests ? null : (failures[index] as number) / count));
  const judged = rates.filter((rate) => rate !== null).length;
  return mediansOfOthers(rates).flatMap((others, index) => {
    if (others === null) return [];
    const rate = { failures: failures[index] as number, requests: requests[index] as number };
    return isFailing(rate, others, FLOOR, judged) ? [index] : [];
  });
}

describe('the median of the others', () => {
  it('leaves each value itself out', () => {
    expect(mediansOfOthers([1, 2, 3, 10])).toEqual([3, 3, 2, 2]);
    expect(mediansOfOthers([4, 8])).toEqual([8, 4]);
    expect(mediansOfOthers([5, 5, 5])).toEqual([5, 5, 5]);
  });

  it('needs another', () => {
    expect(mediansOfOthers([])).toEqual([]);
    expect(mediansOfOthers([1])).toEqual([null]);
    expect(mediansOfOthers([1, null])).toEqual([null, null]);
  });

  it('is the same as sorting without the value, for any pool', () => {
    const rng = createRng('medians');
    for (let round = 0; round < 300; round++) {
      const values = Array.from({ length: 2 + rng.below(12) }, () => rng.below(5));
      const expected = values.map((_, left) => {
        const others = values.filter((_, index) => index !== left).sort((a, b) => a - b);
        const half = others.length / 2;
        return ((others[Math.ceil(half) - 1] as number) + (others[Math.floor(half)] as number)) / 2;
      });
      expect(mediansOfOthers(values)).toEqual(expected);
    }
  });
});

describe('a failing outlier', () => {
  it.each(cases)('$name', ({ requests, failures, min_requests, outliers }) => {
    expect(failing(requests, failures, min_requests)).toEqual(outliers);
  });

  it.each([2, 3, 4, 5, 7, 10, 100, 1_000])('is found among %d backends, and found alone', (size) => {
    const requests = new Array(size).fill(20);
    const failures = requests.map((_, index) => (index === 1 ? 5 : 0));
    expect(failing(requests, failures, 20)).toEqual([1]);
  });

  it.each([2, 3, 4, 10, 1_000])('is nobody where all of %d fail alike', (size) => {
    expect(failing(new Array(size).fill(50), new Array(size).fill(40), 20)).toEqual([]);
  });

  it('reaches the rate and twice the others: at both limits it is one, below either it is not', () => {
    expect(isFailing({ failures: 25, requests: 100 }, 0.125, FLOOR, 3)).toBe(true);
    expect(isFailing({ failures: 24, requests: 100 }, 0, FLOOR, 3)).toBe(false);
    expect(isFailing({ failures: 49, requests: 100 }, 0.25, FLOOR, 3)).toBe(false);
    expect(isFailing({ failures: 50, requests: 100 }, 0.25, FLOOR, 3)).toBe(true);
  });

  it('is not made by success, even where the floor is 0', () => {
    expect(isFailing({ failures: 0, requests: 100 }, 0, 0, 3)).toBe(false);
  });

  it('is not hidden by another, as long as most are well', () => {
    expect(failing([50, 50, 50, 50, 50], [50, 25, 0, 0, 0], 20)).toEqual([0, 1]);
  });

  it('is rarely made by chance: a thousand backends that all fail every seventh request yield next to none', () => {
    const rng = createRng('chance');
    let found = 0;
    for (let round = 0; round < 20; round++) {
      const requests = new Array(1_000).fill(50);
      const failures = requests.map((count: number) => {
        let failed = 0;
        for (let request = 0; request < count; request++) if (rng.next() < 1 / 7) failed += 1;
        return failed;
      });
      found += failing(requests, failures, 20).length;
    }
    expect(found).toBeLessThanOrEqual(10);
  });
});

describe('a slow outlier', () => {
  it('has the factor and an excess worth the name', () => {
    expect(isSlow(400, 100, 4, false)).toBe(true);
    expect(isSlow(399, 100, 4, false)).toBe(false);
    expect(isSlow(9.9, 0.1, 4, false)).toBe(false);
    expect(isSlow(10.1, 0.1, 4, false)).toBe(true);
  });

  it('stays one until half the factor', () => {
    expect(isSlow(250, 100, 4, true)).toBe(true);
    expect(isSlow(199, 100, 4, true)).toBe(false);
  });

  it('cannot stay one while others are as slow, whatever the factor', () => {
    expect(isSlow(100, 100, 1.5, true)).toBe(false);
  });
});
