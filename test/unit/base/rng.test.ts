import { describe, expect, it } from 'vitest';
import { createRng, type Rng } from '../../../src/base/rng.ts';

function draw(rng: Rng, count = 20): number[] {
  return Array.from({ length: count }, () => rng.next());
}

describe('createRng', () => {
  it('repeats its stream for the same seed, and has another for another', () => {
    expect(draw(createRng('a'))).toEqual(draw(createRng('a')));
    expect(draw(createRng('a'))).not.toEqual(draw(createRng('b')));
  });

  it('forks by seed and label, however much was drawn before', () => {
    const early = createRng('a').fork('x');
    const drained = createRng('a');
    draw(drained, 1_000);
    expect(draw(drained.fork('x'))).toEqual(draw(early));
    expect(draw(createRng('a').fork('y'))).not.toEqual(draw(createRng('a').fork('x')));
  });

  it('fills [0, 1) evenly', () => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (const value of draw(createRng('even'), 20_000)) {
      const tenth = Math.floor(value * 10);
      counts[tenth] = (counts[tenth] as number) + 1;
    }
    // Four standard deviations of a binomial count.
    for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(4 * Math.sqrt(20_000 * 0.1 * 0.9));
  });

  it('draws every integer below a bound and no other', () => {
    const rng = createRng('below');
    const seen = new Set(Array.from({ length: 500 }, () => rng.below(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(rng.below(1)).toBe(0);
  });
});
