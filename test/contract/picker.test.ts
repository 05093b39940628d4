/** What holds for every policy: the promises of `Picker`. */

import { describe, expect, it } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import type { Policy } from '../../src/model/settings.ts';
import type { Candidate } from '../../src/model/snapshot.ts';
import { buildPicker, type PickerTools } from '../../src/pick/build.ts';
import { Sequence } from '../../src/pick/sequence.ts';
import { Ledger } from '../../src/pool/ledger.ts';
import { simulatedBackend } from '../../src/sim/settings.ts';

const POLICIES: readonly Policy[] = ['round_robin', 'weighted_round_robin', 'least_request', 'random'];
const WEIGHTED = POLICIES.filter((policy) => policy !== 'round_robin');
const ANY = { tried: null, hash: 0, repeatable: true, pinned: -1 };

interface Pool {
  readonly candidates: readonly Candidate[];
  readonly ledger: Ledger;
  readonly tools: PickerTools;
}

function createPool(weights: readonly number[], trials: readonly number[] = [], connections = 1): Pool {
  const ledger = new Ledger(connections);
  const candidates = weights.map((weight) => {
    const slot = ledger.allocate();
    return {
      backend: { ...simulatedBackend(`b${slot}`), slot },
      weight,
      baseWeight: weight,
      trial: trials.includes(slot),
      epoch: 3,
    };
  });
  const rng = createRng('contract');
  const tools = { loads: ledger, rng, sequence: new Sequence(rng.below(2 ** 32)), trialSequence: new Sequence(0) };
  return { candidates, ledger, tools };
}

function ones(count: number): number[] {
  return Array.from({ length: count }, () => 1);
}

describe.each(POLICIES)('%s', (policy) => {
  it('picks nothing from nothing', () => {
    expect(buildPicker(policy, [], createPool([]).tools).pick(ANY)).toBeNull();
  });

  it.each([1, 2, 3, 8, 9, 40])(
    'finds the only one of %i with room, wherever it is, and nobody when all are full',
    (size) => {
      for (let free = 0; free < size; free++) {
        const { candidates, ledger, tools } = createPool(ones(size).map((_, index) => 1 + (index % 3)));
        const picker = buildPicker(policy, candidates, tools);
        for (const { backend } of candidates) if (backend.slot !== free) ledger.begin(backend.slot, 0);
        expect(picker.pick(ANY)?.backend.slot).toBe(free);
        ledger.begin(free, 0);
        expect(picker.pick(ANY)).toBeNull();
      }
    },
  );

  it.each([2, 8, 40])('prefers any untried one of %i, and falls back to a tried one', (size) => {
    const { candidates, ledger, tools } = createPool(ones(size));
    const picker = buildPicker(policy, candidates, tools);
    for (let untried = 0; untried < size; untried++) {
      const tried = candidates.map(({ backend }) => backend.slot).filter((slot) => slot !== untried);
      for (let n = 0; n < 5; n++)
        expect(picker.pick({ tried, hash: 0, repeatable: true, pinned: -1 })?.backend.slot).toBe(untried);
    }
    const [only, ...others] = candidates;
    for (const { backend } of others) ledger.begin(backend.slot, 0);
    expect(picker.pick({ tried: [only?.backend.slot as number], hash: 0, repeatable: true, pinned: -1 })).toBe(only);
  });

  it('gives a trial its request within a few picks, and no second one meanwhile', () => {
    const { candidates, ledger, tools } = createPool(ones(20), [7], 100);
    const picker = buildPicker(policy, candidates, tools);
    let picks = 0;
    let slot = -1;
    for (; slot !== 7 && picks < 10; picks++) slot = picker.pick(ANY)?.backend.slot as number;
    expect(slot).toBe(7);
    expect(picks).toBeLessThanOrEqual(4);
    ledger.begin(7, 3);
    for (let n = 0; n < 100; n++) expect(picker.pick(ANY)?.backend.slot).not.toBe(7);
  });

  it('does not send a request to a trial that it has tried, while there is another', () => {
    const { candidates, tools } = createPool([1, 1], [1], 100);
    const picker = buildPicker(policy, candidates, tools);
    for (let n = 0; n < 20; n++) {
      expect(picker.pick({ tried: [1], hash: 0, repeatable: true, pinned: -1 })?.backend.slot).toBe(0);
      expect(picker.pick({ tried: [0], hash: 0, repeatable: true, pinned: -1 })?.backend.slot).toBe(1);
    }
  });

  it('takes turns among trials when there is nothing else', () => {
    const { candidates, ledger, tools } = createPool(ones(5), [0, 1, 2, 3, 4], 100);
    const picker = buildPicker(policy, candidates, tools);
    const slots = ones(5).map(() => {
      const slot = picker.pick(ANY)?.backend.slot as number;
      ledger.begin(slot, 3);
      return slot;
    });
    expect([...slots].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(picker.pick(ANY)).toBeNull();
  });

  it('shares evenly among equals over the long run', () => {
    const { candidates, tools } = createPool(ones(10));
    const shares = sharesOf(buildPicker(policy, candidates, tools), 10);
    for (const share of shares) expect(share).toBeCloseTo(0.1, 1);
  });
});

describe.each(WEIGHTED)('%s', (policy) => {
  it.each([[[1, 2, 3, 4]], [[0.25, 1, 1]], [[1, 1, 1, 1, 1, 1, 1, 1, 1, 11]]])(
    'follows the weights %j while idle',
    (weights) => {
      const { candidates, tools } = createPool(weights);
      const shares = sharesOf(buildPicker(policy, candidates, tools), weights.length);
      const sum = weights.reduce((total, weight) => total + weight, 0);
      weights.forEach((weight, index) => {
        expect(Math.abs((shares[index] as number) - weight / sum)).toBeLessThan(0.05);
      });
    },
  );
});

function sharesOf(picker: ReturnType<typeof buildPicker>, size: number): number[] {
  const counts = ones(size).map(() => 0);
  const picks = 10_000;
  for (let n = 0; n < picks; n++) {
    const slot = picker.pick(ANY)?.backend.slot as number;
    counts[slot] = (counts[slot] as number) + 1;
  }
  return counts.map((count) => count / picks);
}
