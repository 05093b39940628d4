import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import type { Candidate } from '../../../src/model/snapshot.ts';
import { LeastRequest } from '../../../src/pick/least-request.ts';
import { simulatedBackend } from '../../../src/sim/settings.ts';
import { loadsOf } from './support.ts';

const ANY = { tried: null, hash: 0, repeatable: true, pinned: -1 };

function createPool(weights: readonly number[], flying: number[]) {
  const candidates: Candidate[] = weights.map((weight, slot) => ({
    backend: { ...simulatedBackend(`b${slot}`), slot },
    weight,
    baseWeight: weight,
    loadFactor: 1,
    trial: false,
    epoch: 1,
  }));
  const loads = loadsOf(flying);
  return new LeastRequest(candidates, loads, createRng('least'));
}

describe('least request', () => {
  it('always finds the least loaded of a small pool', () => {
    const picker = createPool([1, 1, 1, 1, 1, 1, 1, 1], [5, 5, 5, 5, 5, 4, 5, 5]);
    for (let n = 0; n < 100; n++) expect(picker.pick(ANY)?.backend.slot).toBe(5);
  });

  it('takes the least loaded of twelve, so the most loaded of many is never picked', () => {
    const flying = Array.from({ length: 100 }, (_, slot) => slot);
    const picker = createPool(
      flying.map(() => 1),
      flying,
    );
    let sum = 0;
    for (let n = 0; n < 3_000; n++) {
      const slot = picker.pick(ANY)?.backend.slot as number;
      expect(slot).not.toBe(99);
      sum += slot;
    }
    // The mean of the least of twelve draws is a thirteenth of the range.
    expect(sum / 3_000).toBeGreaterThan(4);
    expect(sum / 3_000).toBeLessThan(11);
  });

  it('levels load in proportion to weight', () => {
    const flying = [0, 0];
    const picker = createPool([3, 1], flying);
    for (let n = 0; n < 400; n++) {
      const slot = picker.pick(ANY)?.backend.slot as number;
      flying[slot] = (flying[slot] as number) + 1;
    }
    expect(flying[0]).toBeGreaterThanOrEqual(299);
    expect(flying[0]).toBeLessThanOrEqual(301);
  });
});
