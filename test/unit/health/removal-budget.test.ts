import { describe, expect, it } from 'vitest';
import { allowedRemovals } from '../../../src/health/removal-budget.ts';

describe('the removal budget', () => {
  it.each([
    // eligible, capacity, maxRemoved, minAvailable, allowed
    [1, 1, 0.5, 1, 0],
    [1, 1, 1, 0, 1],
    [2, 2, 0.1, 1, 1],
    [2, 2, 0, 1, 1],
    [2, 2, 1, 1, 1],
    [4, 4, 0.5, 1, 2],
    [4, 4, 0.75, 3, 1],
    [4, 2, 0.5, 1, 1],
    [4, 0, 0.5, 1, 0],
    [10, 10, 0.29, 1, 2],
    [100, 100, 0.29, 1, 29],
    [0, 0, 0.5, 1, 0],
  ])(
    'of %i eligible and %i capacity, share %f and minimum %i, allows %i',
    (eligible, capacity, maxRemoved, minAvailable, allowed) => {
      expect(allowedRemovals({ eligible, capacity }, { maxRemoved, minAvailable })).toBe(allowed);
    },
  );
});
