import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { AdaptiveLimit } from '../../../src/pool/adaptive-limit.ts';
import { Ledger } from '../../../src/pool/ledger.ts';

/** A backend that does `capacity` requests of 10 ms at a time, kept as full as the limit allows. */
function serve(limit: AdaptiveLimit, capacity: number, fromMs: number, durationMs: number): number {
  let at = fromMs;
  while (at < fromMs + durationMs) {
    const inFlight = limit.limit;
    const latencyMs = 10 * Math.max(1, inFlight / capacity);
    at += latencyMs / inFlight;
    limit.observe(latencyMs, inFlight, at);
  }
  return at;
}

function create(min = 2, max = 1_000, seed = 'limit'): AdaptiveLimit {
  return new AdaptiveLimit({ min, max }, createRng(seed));
}

describe('an adaptive limit', () => {
  it.each([10, 50, 200])('comes near what a backend of %i at a time can do, from above and from below', (capacity) => {
    const limit = create();
    let at = serve(limit, 10_000, 0, 1_000);
    at = serve(limit, capacity, at, 20_000);
    expect(limit.limit).toBeGreaterThanOrEqual(capacity);
    expect(limit.limit).toBeLessThanOrEqual(3 * capacity + 12);
  });

  it('falls within a second when the backend slows down, and rises again', () => {
    const limit = create();
    let at = serve(limit, 100, 0, 10_000);
    const before = limit.limit;
    at = serve(limit, 10, at, 2_000);
    expect(limit.limit).toBeLessThan(before / 2);
    serve(limit, 100, at, 10_000);
    expect(limit.limit).toBeGreaterThan(before / 2);
  });

  it('does not rise where nothing came near it', () => {
    const limit = create();
    const before = limit.limit;
    for (let at = 0; at < 20_000; at += 5) limit.observe(10, 1, at);
    expect(limit.limit).toBeLessThanOrEqual(before);
  });

  it('measures its baseline anew every half minute, at another time for every seed', () => {
    const begun = ['a', 'b', 'c'].map((seed) => {
      const limit = create(2, 1_000, seed);
      let at = serve(limit, 50, 0, 20_000);
      while (limit.limit > 2 && at < 60_000) at = serve(limit, 50, at, 50);
      expect(limit.limit).toBe(2);
      const heldMs = at;
      while (limit.limit === 2 && at < 60_000) at = serve(limit, 50, at, 50);
      expect(at - heldMs).toBeLessThan(1_500);
      return Math.round(heldMs);
    });
    for (const at of begun) {
      expect(at).toBeGreaterThan(24_000);
      expect(at).toBeLessThan(37_000);
    }
    expect(new Set(begun).size).toBe(3);
  });

  it('stays within its bounds, whatever it is told', () => {
    const limit = create(3, 9);
    const rng = createRng('any');
    for (let at = 0; at < 100_000; at += rng.below(40)) {
      limit.observe(rng.below(4) === 0 ? 1e9 * rng.next() : rng.next(), rng.below(1_000), at);
      expect(limit.limit).toBeGreaterThanOrEqual(3);
      expect(limit.limit).toBeLessThanOrEqual(9);
    }
  });
});

describe('a ledger with adaptive limits', () => {
  it('has room up to the limit of each backend, and up to the cap', () => {
    const adaptive = { settings: { min: 1, max: 4 }, rng: createRng('ledger') };
    const ledger = new Ledger(3, { balance: 'least_request', adaptive });
    const slot = ledger.allocate();
    for (let n = 0; n < 3; n++) {
      expect(ledger.hasRoom(slot, false)).toBe(true);
      ledger.begin(slot, 0);
    }
    expect(ledger.hasRoom(slot, false)).toBe(false);
    const wide = new Ledger(Number.POSITIVE_INFINITY, { balance: 'least_request', adaptive });
    const other = wide.allocate();
    for (let n = 0; n < 4; n++) wide.begin(other, 0);
    expect(wide.hasRoom(other, false)).toBe(false);
    expect(wide.limitOf(other)).toBe(4);
  });
});
