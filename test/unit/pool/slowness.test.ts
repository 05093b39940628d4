import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { Slowness } from '../../../src/pool/slowness.ts';

/** Answers to a pool, every millisecond one, backend after backend. */
function teach(
  slowness: Slowness,
  latencies: readonly ((inFlight: number) => number)[],
  rounds: number,
  from = 0,
): number {
  const rng = createRng('slowness');
  let at = from;
  for (let round = 0; round < rounds; round++) {
    latencies.forEach((latencyOf, slot) => {
      at += 1;
      const inFlight = 1 + rng.below(8);
      slowness.succeed(slot, inFlight, latencyOf(inFlight) * -Math.log(1 - rng.next()), at);
      slowness.age(slot, at);
    });
  }
  return at;
}

const usual = (inFlight: number) => 10 * Math.max(1, inFlight / 4);

describe('slowness', () => {
  it('is 1 for whoever is like the pool, and for the unknown', () => {
    const slowness = new Slowness(4);
    expect(slowness.of(3)).toBe(1);
    teach(slowness, [usual, usual, usual], 2_000);
    for (const slot of [0, 1, 2]) expect(slowness.of(slot)).toBe(1);
  });

  it('tells who is slow from who is busy', () => {
    const slowness = new Slowness(4);
    const rng = createRng('busy');
    for (let at = 0; at < 6_000; at++) {
      const slot = at % 3;
      // One is slow, another always has four times as much in flight as the others, and takes as long as that.
      const inFlight = (slot === 1 ? 4 : 1) * (1 + rng.below(4));
      slowness.succeed(slot, inFlight, (slot === 2 ? 3 : 1) * inFlight * 10, at);
    }
    expect(slowness.of(2)).toBeGreaterThan(1.2);
    expect(slowness.of(1)).toBeLessThanOrEqual(1);
  });

  it('counts what is in flight per unit of configured weight', () => {
    const slowness = new Slowness(4);
    slowness.weigh(0, 4);
    const rng = createRng('weights');
    for (let at = 0; at < 6_000; at++) {
      const share = 1 + rng.below(4);
      slowness.succeed(at % 2, at % 2 === 0 ? 4 * share : share, share * 10, at);
    }
    expect(slowness.of(0)).toBe(1);
    expect(slowness.of(1)).toBe(1);
  });

  it('notices within a second, and forgets who gets no requests', () => {
    const slowness = new Slowness(4);
    let at = teach(slowness, [usual, usual, usual, usual], 500);
    at = teach(slowness, [usual, usual, usual, (n) => 4 * usual(n)], 250, at);
    expect(slowness.of(3)).toBeGreaterThan(1.25);
    for (let n = 0; n < 60; n++) slowness.age(3, at + n * 1_000);
    expect(slowness.of(3)).toBe(1);
  });

  it('finds nobody more than twice as good as the pool, and stays finite whatever it is told', () => {
    const slowness = new Slowness(2);
    for (const latencyMs of [0, 1e-9, 1e300, Number.MAX_VALUE, 0, 5]) {
      for (let n = 0; n < 2_000; n++) {
        slowness.succeed(0, 1 + (n % 3), latencyMs, n);
        slowness.succeed(1, 1 + (n % 3), 10, n);
        expect(slowness.of(0)).toBeGreaterThanOrEqual(0.5);
        expect(slowness.of(0)).toBeLessThanOrEqual(4);
        expect(slowness.of(1)).toBeGreaterThanOrEqual(0.5);
        expect(slowness.of(1)).toBeLessThanOrEqual(4);
      }
    }
  });

  it('keeps what it knows when it grows, and nothing of a slot with a new owner', () => {
    const slowness = new Slowness(1);
    for (let at = 0; at < 500; at++) slowness.succeed(0, 1, at < 250 ? 10 : 100, at);
    const known = slowness.of(0);
    expect(known).toBeGreaterThan(1.1);
    slowness.grow(4);
    expect([0, 1, 2, 3].map((slot) => slowness.of(slot))).toEqual([known, 1, 1, 1]);
    slowness.reset(0);
    expect(slowness.of(0)).toBe(1);
  });
});
