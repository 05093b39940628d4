import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { WeightedDraw } from '../../../src/pick/weighted-draw.ts';

describe('WeightedDraw', () => {
  it.each([[[1]], [[3, 3, 3]], [[1, 2, 3, 4]], [[0.25, 1, 1]], [[100, 1]]])('draws %j in proportion', (weights) => {
    const draw = new WeightedDraw(weights);
    const rng = createRng('draw');
    const counts = weights.map(() => 0);
    const draws = 40_000;
    for (let n = 0; n < draws; n++) {
      const index = draw.draw(rng);
      counts[index] = (counts[index] as number) + 1;
    }
    const sum = weights.reduce((total, weight) => total + weight, 0);
    counts.forEach((times, index) => {
      const share = (weights[index] as number) / sum;
      // Four standard deviations of a binomial count.
      const tolerance = 4 * Math.sqrt(share * (1 - share) * draws);
      expect(Math.abs(times - share * draws)).toBeLessThanOrEqual(tolerance);
    });
  });
});
