/** What holds for every policy: the promises of `Picker`. Failures name the seed; a case with another is one line. */

import { describe, expect, it } from 'vitest';
import { mix32 } from '../../src/base/hash.ts';
import { createRng, type Rng } from '../../src/base/rng.ts';
import type { Picker, PickRequest } from '../../src/model/picker.ts';
import type { Policy } from '../../src/model/settings.ts';
import type { Candidate, Snapshot } from '../../src/model/snapshot.ts';
import { STATUSES } from '../../src/model/status.ts';
import { buildPicker, type PickerTools } from '../../src/pick/build.ts';
import { PoolPickers } from '../../src/pick/pool-pickers.ts';
import { Sequence } from '../../src/pick/sequence.ts';
import { Ledger } from '../../src/pool/ledger.ts';
import { simulatedBackend } from '../../src/sim/settings.ts';
import { type Given, snapshotOf } from '../unit/pool/support.ts';

const POLICIES: readonly Policy[] = [
  'round_robin',
  'weighted_round_robin',
  'least_request',
  'peak_ewma',
  'prequal',
  'random',
  'ring_hash',
  'maglev',
  'first',
];
/** Whose picks from an idle pool share in proportion to weights: exactly in turns, or like independent draws. */
const WEIGHTED: readonly Policy[] = ['weighted_round_robin', 'least_request', 'random', 'maglev'];
const EVEN: readonly Policy[] = [...WEIGHTED, 'round_robin'];

interface Pool {
  readonly candidates: readonly Candidate[];
  readonly ledger: Ledger;
  readonly tools: PickerTools;
}

function createPool(weights: readonly number[], trials: readonly number[] = [], connections = 1, seed = '1'): Pool {
  const ledger = new Ledger(connections);
  const candidates = weights.map((weight) => {
    const slot = ledger.allocate();
    const backend = { ...simulatedBackend(`b${slot}`), slot };
    return { backend, weight, baseWeight: weight, loadFactor: 1, trial: trials.includes(slot), epoch: 3 };
  });
  const rng = createRng(seed);
  const tools = { loads: ledger, rng, sequence: new Sequence(rng.below(2 ** 32)), trialSequence: new Sequence(0) };
  return { candidates, ledger, tools };
}

function ones(count: number): number[] {
  return Array.from({ length: count }, () => 1);
}

/** The nth request: each with a key of its own. */
function request(n: number, given: Partial<PickRequest> = {}): PickRequest {
  return { tried: null, hash: mix32(n), repeatable: true, pinned: -1, ...given };
}

describe.each(POLICIES)('%s', (policy) => {
  it('picks nothing from nothing', () => {
    expect(buildPicker(policy, [], createPool([]).tools).pick(request(0))).toBeNull();
  });

  it.each([1, 2, 3, 8, 9, 40])(
    'finds the only one of %i with room, wherever it is, and nobody when all are full',
    (size) => {
      for (let free = 0; free < size; free++) {
        const { candidates, ledger, tools } = createPool(ones(size).map((_, index) => 1 + (index % 3)));
        const picker = buildPicker(policy, candidates, tools);
        for (const { backend } of candidates) if (backend.slot !== free) ledger.begin(backend.slot, 0);
        expect(picker.pick(request(free))?.backend.slot).toBe(free);
        ledger.begin(free, 0);
        expect(picker.pick(request(free))).toBeNull();
      }
    },
  );

  it.each([2, 8, 40])('prefers any untried one of %i, and falls back to a tried one', (size) => {
    const { candidates, ledger, tools } = createPool(ones(size));
    const picker = buildPicker(policy, candidates, tools);
    for (let untried = 0; untried < size; untried++) {
      const tried = candidates.map(({ backend }) => backend.slot).filter((slot) => slot !== untried);
      for (let n = 0; n < 5; n++) expect(picker.pick(request(n, { tried }))?.backend.slot).toBe(untried);
    }
    const [only, ...others] = candidates;
    for (const { backend } of others) ledger.begin(backend.slot, 0);
    expect(picker.pick(request(0, { tried: [only?.backend.slot as number] }))).toBe(only);
  });

  it('gives a trial its request within a few picks, and no second one meanwhile', () => {
    const { candidates, ledger, tools } = createPool(ones(20), [7], 100);
    const picker = buildPicker(policy, candidates, tools);
    let picks = 0;
    let slot = -1;
    for (; slot !== 7 && picks < 10; picks++) slot = picker.pick(request(picks))?.backend.slot as number;
    expect(slot).toBe(7);
    expect(picks).toBeLessThanOrEqual(4);
    ledger.begin(7, 3);
    for (let n = 0; n < 100; n++) expect(picker.pick(request(n))?.backend.slot).not.toBe(7);
  });

  it('risks no request on a trial that cannot be made again, while there is another', () => {
    const { candidates, tools } = createPool(ones(3), [1], 100);
    const picker = buildPicker(policy, candidates, tools);
    for (let n = 0; n < 50; n++) expect(picker.pick(request(n, { repeatable: false }))?.backend.slot).not.toBe(1);
  });

  it('does not send a request to a trial that it has tried, while there is another', () => {
    const { candidates, tools } = createPool([1, 1], [1], 100);
    const picker = buildPicker(policy, candidates, tools);
    for (let n = 0; n < 20; n++) {
      expect(picker.pick(request(n, { tried: [1] }))?.backend.slot).toBe(0);
      expect(picker.pick(request(n, { tried: [0] }))?.backend.slot).toBe(1);
    }
  });

  it('takes turns among trials when there is nothing else', () => {
    const { candidates, ledger, tools } = createPool(ones(5), [0, 1, 2, 3, 4], 100);
    const picker = buildPicker(policy, candidates, tools);
    const slots = ones(5).map((_, n) => {
      const slot = picker.pick(request(n))?.backend.slot as number;
      ledger.begin(slot, 3);
      return slot;
    });
    expect([...slots].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(picker.pick(request(0))).toBeNull();
  });

  it('does the same again from the same seed', () => {
    const [first, second] = [1, 2].map(() => {
      const { candidates, tools } = createPool([1, 2, 3, 4, 1, 2, 3, 4, 1, 2], [], 10, 'again');
      const picker = buildPicker(policy, candidates, tools);
      return ones(200).map((_, n) => picker.pick(request(n))?.backend.slot);
    });
    expect(first).toEqual(second);
  });

  it.each(ones(60).map((_, n) => `pool ${n}`))(
    'keeps its promises in %s, over priorities, zones and sessions',
    (seed) => {
      const rng = createRng(seed);
      const { snapshot, ledger } = randomPool(rng);
      const zoned = { ttlMs: 1, cookie: 'c', secret: null };
      const picker = new PoolPickers({ balance: policy, sticky: rng.below(2) === 0 ? null : zoned }, ledger, rng).build(
        snapshot,
      );
      for (let n = 0; n < 50; n++) checkPick(picker, randomRequest(rng, snapshot), snapshot, ledger);
    },
  );

  it('picks without leaving anything behind for the garbage collector', { timeout: 60_000 }, async () => {
    const collect = await garbageCollector();
    for (const size of [5, 40]) {
      const { candidates, tools } = createPool(
        ones(size).map((_, index) => 1 + (index % 3)),
        [],
        100,
      );
      const picker = buildPicker(policy, candidates, tools);
      expect(bytesPerPick(picker, collect)).toBeLessThan(1);
    }
  });
});

describe.each(EVEN)('%s', (policy) => {
  it.each(['1', '2', '3'])('shares evenly among equals over the long run, from seed %s on', (seed) => {
    expectShares(policy, ones(10), seed);
  });
});

describe.each(WEIGHTED)('%s', (policy) => {
  describe.each(['1', '2', '3'])('from seed %s on', (seed) => {
    it.each([
      [[1, 2, 3, 4]],
      [[0.25, 1, 1]],
      [[1, 1, 1, 1, 1, 1, 1, 1, 1, 11]],
      [[5, 4, 3, 2, 1, 5, 4, 3, 2, 1, 7, 9]],
    ])('follows the weights %j while idle', (weights) => {
      expectShares(policy, weights, seed);
    });
  });
});

/**
 * Within one percent of the whole, and by chi-square as close as independent draws are: the bound is that of a probability of
 * about 0.0001 (Wilson and Hilferty's approximation).
 */
function expectShares(policy: Policy, weights: readonly number[], seed: string): void {
  const { candidates, tools } = createPool(weights, [], 1, seed);
  const picker = buildPicker(policy, candidates, tools);
  const picks = 40_000;
  const counts = weights.map(() => 0);
  for (let n = 0; n < picks; n++) {
    const slot = picker.pick(request(n))?.backend.slot as number;
    counts[slot] = (counts[slot] as number) + 1;
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  let chiSquare = 0;
  weights.forEach((weight, index) => {
    const expected = (picks * weight) / sum;
    const found = counts[index] as number;
    expect(Math.abs(found - expected) / picks, `b${index}, seed ${seed}`).toBeLessThan(0.01);
    chiSquare += (found - expected) ** 2 / expected;
  });
  const degrees = weights.length - 1;
  const bound = degrees * (1 - 2 / (9 * degrees) + 3.72 * Math.sqrt(2 / (9 * degrees))) ** 3;
  expect(chiSquare, `seed ${seed}: ${counts}`).toBeLessThan(bound);
}

/** A pool of any shape, with some backends full. */
function randomPool(rng: Rng): { snapshot: Snapshot; ledger: Ledger } {
  const size = 1 + rng.below(24);
  const levels = 1 + rng.below(3);
  const given = ones(size).map((): Given => {
    // Mostly well: pools that are down as a whole pick nothing.
    const status = rng.below(2) === 0 ? 'up' : (STATUSES[rng.below(STATUSES.length)] as Given['status']);
    return {
      status,
      priority: rng.below(levels),
      labels: { zone: rng.below(2) === 0 ? 'a' : 'b' },
      baseWeight: 1 + rng.below(4),
      factor: 0.1 + rng.next(),
      keepsSessions: status === 'draining' && rng.below(2) === 0,
      held: status === 'suspect' && rng.below(2) === 0,
    };
  });
  const mode = (['least_bad', 'all', 'fail'] as const)[rng.below(3)] as 'least_bad' | 'all' | 'fail';
  const zone = rng.below(2) === 0 ? null : { label: 'zone', local: 'a' };
  const snapshot = snapshotOf(given, { panic: { mode, threshold: rng.next() }, zone });
  const ledger = new Ledger(3);
  for (let slot = 0; slot < size; slot++) {
    ledger.allocate();
    for (let n = rng.below(4); n > 0; n--) ledger.begin(slot, 0);
  }
  for (const { backend, trial } of snapshot.candidates) {
    if (trial && rng.below(2) === 0 && ledger.hasRoom(backend.slot, true)) ledger.begin(backend.slot, 1);
  }
  return { snapshot, ledger };
}

function randomRequest(rng: Rng, { total }: Snapshot): PickRequest {
  const tried = ones(rng.below(4)).map(() => rng.below(total));
  return {
    tried: tried.length === 0 ? null : tried,
    hash: rng.below(2 ** 32),
    repeatable: rng.below(2) === 0,
    pinned: rng.below(total + 5) - 3,
  };
}

/** I1 and I4, and that a tried backend is the last resort. */
function checkPick(picker: Picker, asked: PickRequest, { candidates, pinnedOnly }: Snapshot, ledger: Ledger): void {
  const isTried = ({ backend }: Candidate) => asked.tried?.includes(backend.slot) ?? false;
  const withRoom = candidates.filter(({ backend, trial }) => ledger.hasRoom(backend.slot, trial));
  const picked = picker.pick(asked);
  if (picked === null) {
    expect(withRoom).toEqual([]);
    return;
  }
  if (pinnedOnly.includes(picked)) expect(picked.backend.slot).toBe(asked.pinned);
  else expect(candidates).toContain(picked);
  expect(ledger.hasRoom(picked.backend.slot, picked.trial)).toBe(true);
  if (isTried(picked)) expect(withRoom.every(isTried)).toBe(true);
}

/** The engine's own, without a flag on the command line. */
async function garbageCollector(): Promise<() => void> {
  const [v8, vm] = await Promise.all([import('node:v8'), import('node:vm')]);
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('gc') as () => void;
}

/** Measured until the compiler has settled: interpreted code boxes numbers that compiled code does not. */
function bytesPerPick(picker: Picker, collect: () => void): number {
  const picks = 10_000;
  const requests = ones(64).map((_, n) => request(n));
  let median = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 40 && median >= 1; round++) {
    const samples = ones(3).map(() => {
      collect();
      const before = process.memoryUsage().heapUsed;
      for (let n = 0; n < picks; n++) picker.pick(requests[n & 63] as PickRequest);
      return (process.memoryUsage().heapUsed - before) / picks;
    });
    median = samples.sort((a, b) => a - b)[1] as number;
  }
  return median;
}
