import { describe, expect, it } from 'vitest';
import { mix32 } from '../../../src/base/hash.ts';
import { createRng } from '../../../src/base/rng.ts';
import type { LoadReader, Picker } from '../../../src/model/picker.ts';
import type { Candidate } from '../../../src/model/snapshot.ts';
import { buildPicker } from '../../../src/pick/build.ts';
import { type CircleBuilder, CircleCache, type PoolScale, scaleOf } from '../../../src/pick/hash-circle.ts';
import { buildMaglev, tableSize } from '../../../src/pick/maglev.ts';
import { buildRing, pointsPerBackend } from '../../../src/pick/ring-hash.ts';
import { Sequence } from '../../../src/pick/sequence.ts';
import { candidatesOf, equal, loadsOf, requestOf, slotOf } from './support.ts';

const KEYS = 20_000;
const IDLE = loadsOf([]);
const POLICIES = ['ring_hash', 'maglev'] as const;
const BUILDERS: readonly (readonly [string, CircleBuilder])[] = [
  ['ring_hash', buildRing],
  ['maglev', buildMaglev],
];

function pickerOf(
  policy: (typeof POLICIES)[number],
  candidates: readonly Candidate[],
  { loads = IDLE, circles = new CircleCache(), scale = scaleOf(candidates) } = {} as {
    loads?: LoadReader;
    circles?: CircleCache;
    scale?: PoolScale;
  },
): Picker {
  const tools = {
    loads,
    rng: createRng('hash'),
    sequence: new Sequence(0),
    trialSequence: new Sequence(0),
    circles,
  };
  return buildPicker(policy, candidates, tools, scale);
}

/** Where each key goes, by id. */
function homes(picker: Picker): string[] {
  return Array.from({ length: KEYS }, (_, n) => picker.pick(requestOf({ hash: mix32(n) }))?.backend.id ?? '');
}

function movedBetween(before: readonly string[], after: readonly string[], but: string): number {
  return before.filter((home, n) => home !== but && home !== after[n]).length / before.length;
}

describe.each(POLICIES)('%s', (policy) => {
  it('sends the same key to the same backend, 0 included', () => {
    const picker = pickerOf(policy, candidatesOf(equal(10)));
    for (const hash of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
      const home = slotOf(picker.pick(requestOf({ hash })));
      expect(home).toBeGreaterThanOrEqual(0);
      for (let n = 0; n < 10; n++) expect(slotOf(picker.pick(requestOf({ hash })))).toBe(home);
    }
    // Signed or not is the same key.
    expect(slotOf(picker.pick(requestOf({ hash: -5 })))).toBe(slotOf(picker.pick(requestOf({ hash: 2 ** 32 - 5 }))));
  });

  it.each([3, 10, 100])('moves the keys of the one of %i that leaves, and hardly any other', (size) => {
    const all = candidatesOf(equal(size));
    const scale = scaleOf(all);
    const before = homes(pickerOf(policy, all, { scale }));
    for (const gone of [0, Math.floor(size / 2), size - 1]) {
      const { id } = (all[gone] as Candidate).backend;
      const left = all.filter(({ backend }) => backend.id !== id);
      const after = homes(pickerOf(policy, left, { scale }));
      expect(after).not.toContain(id);
      const moved = movedBetween(before, after, id);
      // A ring moves none of the others' keys; a table few: at most a third of what must move.
      expect(moved).toBeLessThanOrEqual(policy === 'ring_hash' ? 0 : 0.34 / size + 0.005);
    }
  });

  it('takes from each its share for one that joins a pool', () => {
    const before = homes(pickerOf(policy, candidatesOf(equal(20))));
    const after = homes(pickerOf(policy, candidatesOf(equal(21))));
    const moved = before.filter((home, n) => home !== after[n]).length / KEYS;
    expect(moved).toBeGreaterThan(0.6 / 21);
    expect(moved).toBeLessThan(1.6 / 21);
  });

  it('moves nothing when load, slow start or suspicion change weights', () => {
    const calm = candidatesOf([1, 2, 3, 4, 5]);
    const busy = calm.map((candidate, index) => ({ ...candidate, weight: candidate.weight * (0.1 + index) }));
    const circles = new CircleCache();
    expect(homes(pickerOf(policy, busy, { circles }))).toEqual(homes(pickerOf(policy, calm, { circles })));
    expect(circles.built).toBe(1);
  });

  it('follows an operator who sets a weight, and moves little besides', () => {
    const before = homes(pickerOf(policy, candidatesOf([2, 2, 2, 2])));
    const after = homes(pickerOf(policy, candidatesOf([1, 2, 2, 2])));
    const left = after.filter((home) => home === 'b0').length / KEYS;
    expect(Math.abs(left - 1 / 7)).toBeLessThan(0.02);
    expect(before.filter((home, n) => home !== after[n]).length / KEYS).toBeLessThan(0.14);
  });

  it('places keys alike whatever the order of the configuration', () => {
    const candidates = candidatesOf([3, 1, 2, 5, 4]);
    expect(homes(pickerOf(policy, [...candidates].reverse()))).toEqual(homes(pickerOf(policy, candidates)));
  });

  it('shares keys by weight, as exactly as its table is', () => {
    const weights = [1, 2, 3, 4, 10];
    const counts = new Map<string, number>();
    for (const home of homes(pickerOf(policy, candidatesOf(weights)))) counts.set(home, (counts.get(home) ?? 0) + 1);
    weights.forEach((weight, index) => {
      const share = weight / 20;
      const points = (1_024 * weight) / 10;
      const tolerance = policy === 'ring_hash' ? (4 * share) / Math.sqrt(points) : 0;
      const noise = 4 * Math.sqrt((share * (1 - share)) / KEYS);
      expect(Math.abs((counts.get(`b${index}`) ?? 0) / KEYS - share)).toBeLessThan(tolerance + noise);
    });
  });

  it('keeps one popular key within 1.25 times the fair share, and spills it to the same next ones', () => {
    for (const size of [5, 40]) {
      const candidates = candidatesOf(equal(size));
      const flying = candidates.map(() => 0);
      const picker = pickerOf(policy, candidates, { loads: loadsOf(flying) });
      const requests = size * 20;
      const order: number[] = [];
      for (let n = 0; n < requests; n++) {
        const slot = slotOf(picker.pick(requestOf({ hash: 12_345 })));
        if (!order.includes(slot)) order.push(slot);
        flying[slot] = (flying[slot] as number) + 1;
      }
      // A pool's total is a few picks old at most.
      expect(Math.max(...flying)).toBeLessThanOrEqual(Math.ceil((1.25 * (requests + size / 8)) / size));
      expect(order.length).toBeGreaterThanOrEqual(Math.floor(size / 1.25));
      const home = pickerOf(policy, candidates).pick(requestOf({ hash: 12_345 }));
      expect(order[0]).toBe(slotOf(home));
      const withoutHome = pickerOf(policy, candidates).pick(requestOf({ hash: 12_345, tried: [order[0] as number] }));
      expect(order[1]).toBe(slotOf(withoutHome));
    }
  });

  it('bounds by weight, and leaves keys at home while little is in flight', () => {
    const candidates = candidatesOf([1, 9]);
    const flying = [3, 0];
    const picker = pickerOf(policy, candidates, { loads: loadsOf(flying) });
    const key = mix32(
      Array.from({ length: 1_000 }, (_, n) => n).find(
        (n) => slotOf(picker.pick(requestOf({ hash: mix32(n) }))) === 0,
      ) as number,
    );
    expect(slotOf(picker.pick(requestOf({ hash: key })))).toBe(0);
    flying[0] = 13;
    flying[1] = 90;
    expect(slotOf(picker.pick(requestOf({ hash: key })))).toBe(1);
    flying[0] = 12;
    expect(slotOf(picker.pick(requestOf({ hash: key })))).toBe(0);
  });

  it('builds its table when it is first asked, once for every set that it has seen lately', () => {
    const circles = new CircleCache();
    const all = candidatesOf(equal(4));
    const fewer = all.slice(1);
    for (const candidates of [all, fewer, all, fewer]) {
      const picker = pickerOf(policy, candidates, { circles, scale: scaleOf(all) });
      picker.pick(requestOf());
    }
    expect(circles.built).toBe(2);
    pickerOf(policy, candidatesOf(equal(9)), { circles });
    expect(circles.built).toBe(2);
    pickerOf(policy, candidatesOf([1, 1, 1, 2]), { circles, scale: scaleOf(all) }).pick(requestOf());
    expect(circles.built).toBe(3);
  });
});

describe.each(BUILDERS)('a table of %s', (policy, build) => {
  it.each([1, 2, 1_000, 5_000])('has a place for each of %i, and stays within its bounds', (size) => {
    const seats = Array.from({ length: size }, (_, n) => ({ id: `b${n}`, weight: n === 0 ? 1_000 : 0.001 }));
    const { owners } = build(seats, { size, heaviest: 1_000 });
    expect(new Set(owners).size).toBe(size);
    expect(owners.length).toBeLessThanOrEqual(policy === 'maglev' ? 655_373 : 2 ** 20);
  });

  it('is walked to its end and begins again', () => {
    const circle = build(
      [
        { id: 'a', weight: 1 },
        { id: 'b', weight: 1 },
      ],
      { size: 2, heaviest: 1 },
    );
    for (const hash of [0, 1, 2 ** 31 - 1, -(2 ** 31), -1]) {
      const place = circle.placeOf(hash);
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThan(circle.owners.length);
    }
  });
});

describe('sizes', () => {
  it('of rings are at most 1,024 points for each backend and a million in all', () => {
    for (const size of [1, 2, 100, 128, 129, 1_000, 5_000, 10_000, 40_000, 1_000_000]) {
      expect(pointsPerBackend(size)).toBeLessThanOrEqual(1_024);
      expect(pointsPerBackend(size) * size).toBeLessThanOrEqual(2 ** 20);
      expect(Number.isInteger(Math.log2(pointsPerBackend(size)))).toBe(true);
    }
    expect([10, 1_000, 4_000].map(pointsPerBackend)).toEqual([1_024, 128, 32]);
  });

  it('of shares in a Maglev table are exact to a place', () => {
    const weights = [1, 2, 3.5, 0.7, 11];
    const seats = weights.map((weight, n) => ({ id: `b${n}`, weight }));
    const { owners } = buildMaglev(seats, { size: 5, heaviest: 11 });
    weights.forEach((weight, index) => {
      const places = owners.filter((owner) => owner === index).length;
      // One for each, and the others by weight.
      expect(Math.abs(places - 1 - ((owners.length - 5) * weight) / 18.2)).toBeLessThan(1);
    });
  });

  it('of Maglev tables are 65,537 up to four thousand backends', () => {
    expect([1, 4_000, 5_000].map(tableSize)).toEqual([65_537, 65_537, 655_373]);
  });
});
