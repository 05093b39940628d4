import { describe, expect, it } from 'vitest';
import { mix32 } from '../../../src/base/hash.ts';
import { createRng } from '../../../src/base/rng.ts';
import type { Picker } from '../../../src/model/picker.ts';
import type { Policy, StickySettings } from '../../../src/model/settings.ts';
import type { Snapshot } from '../../../src/model/snapshot.ts';
import { LeastRequest } from '../../../src/pick/least-request.ts';
import { PoolPickers } from '../../../src/pick/pool-pickers.ts';
import { type Given, snapshotOf, times } from '../pool/support.ts';
import { loadsOf, requestOf, slotOf } from './support.ts';

const UP: Given = { status: 'up' };
const SECOND: Given = { status: 'up', priority: 1 };
const DOWN: Given = { status: 'down' };
const STICKY: StickySettings = { cookie: 'pulsegate', ttlMs: 1, secret: null };
const PICKS = 20_000;

function pickerOf(
  snapshot: Snapshot,
  flying: readonly number[] = [],
  balance: Policy = 'least_request',
  sticky: StickySettings | null = null,
): Picker {
  return new PoolPickers({ balance, sticky }, loadsOf(flying, 10), createRng('groups')).build(snapshot);
}

/** The share of the requests that these slots get. */
function shareOf(picker: Picker, slots: readonly number[]): number {
  let count = 0;
  for (let n = 0; n < PICKS; n++) if (slots.includes(slotOf(picker.pick(requestOf({ hash: mix32(n) }))))) count += 1;
  return count / PICKS;
}

describe('a pool of one group', () => {
  it('is served by its policy itself, with nothing around it', () => {
    expect(pickerOf(snapshotOf([UP, UP, DOWN]))).toBeInstanceOf(LeastRequest);
  });
});

describe('priorities', () => {
  it.each<Policy>(['round_robin', 'least_request', 'random', 'maglev'])('get their shares under %s', (balance) => {
    const snapshot = snapshotOf([UP, DOWN, SECOND, SECOND]);
    expect(shareOf(pickerOf(snapshot, [], balance), [0])).toBeCloseTo(0.7, 1);
    expect(shareOf(pickerOf(snapshot, [], balance), [2, 3])).toBeCloseTo(0.3, 1);
    expect(shareOf(pickerOf(snapshotOf([UP, UP, SECOND]), [], balance), [2])).toBe(0);
  });

  it('hand on what has no room, level by level, and take it back', () => {
    const flying = [10, 10, 0, 0];
    const picker = pickerOf(snapshotOf([UP, UP, SECOND, { ...SECOND, priority: 2 }]), flying);
    expect(slotOf(picker.pick(requestOf()))).toBe(2);
    flying[2] = 10;
    expect(slotOf(picker.pick(requestOf()))).toBe(3);
    flying[3] = 10;
    expect(picker.pick(requestOf())).toBeNull();
    flying[1] = 9;
    expect(slotOf(picker.pick(requestOf()))).toBe(1);
  });

  it('try another level rather than a backend where the request has failed', () => {
    const picker = pickerOf(snapshotOf([UP, SECOND]));
    expect(slotOf(picker.pick(requestOf({ tried: [0] })))).toBe(1);
    expect(slotOf(picker.pick(requestOf({ tried: [0, 1] })))).toBe(0);
  });

  it('risk no request on a trial that cannot be made again, while another level serves', () => {
    const picker = pickerOf(snapshotOf([{ status: 'trial' }, SECOND]));
    for (let n = 0; n < 20; n++) {
      expect(slotOf(picker.pick(requestOf({ repeatable: false })))).toBe(1);
      expect(slotOf(picker.pick(requestOf({ repeatable: false, tried: [1] })))).toBe(0);
    }
  });

  it.each<Policy>(['ring_hash', 'maglev'])(
    'keep a key in its level under %s, and move few as shares change',
    (balance) => {
      const homes = (snapshot: Snapshot) => {
        const picker = pickerOf(snapshot, [], balance);
        return Array.from({ length: 5_000 }, (_, n) => slotOf(picker.pick(requestOf({ hash: mix32(n) }))));
      };
      const level = [...times(9, UP), ...times(4, SECOND)];
      const whole = homes(snapshotOf([UP, ...level]));
      expect(homes(snapshotOf([UP, ...level]))).toEqual(whole);
      expect(whole.every((slot) => slot < 10)).toBe(true);
      // 6 of 10 carry 84 %: the keys of the four move, and a share of the others' spills over.
      const weak = homes(snapshotOf([...times(4, DOWN), ...times(6, UP), ...times(4, SECOND)]));
      const moved = whole.filter((slot, n) => slot >= 4 && slot !== weak[n]).length;
      const kept = whole.filter((slot) => slot >= 4).length;
      expect(moved / kept).toBeLessThan(0.16 + (balance === 'maglev' ? 0.04 : 0.02));
      expect(weak.filter((slot) => slot >= 10).length / 5_000).toBeCloseTo(0.16, 1);
    },
  );

  it('are nothing but an order under first', () => {
    const flying = [0, 0, 0, 0];
    const picker = pickerOf(snapshotOf([SECOND, UP, UP, DOWN]), flying, 'first');
    expect(shareOf(picker, [1])).toBe(1);
    flying[1] = 10;
    expect(slotOf(picker.pick(requestOf()))).toBe(2);
    flying[2] = 10;
    expect(slotOf(picker.pick(requestOf()))).toBe(0);
  });
});

describe('zones', () => {
  const ours: Given = { status: 'up', labels: { zone: 'a' } };
  const theirs: Given = { status: 'up', labels: { zone: 'b' } };
  const rules = { zone: { label: 'zone', local: 'a' } };

  it('keep requests at home, as far as there is room', () => {
    const flying = [0, 0, 0];
    const picker = pickerOf(snapshotOf([theirs, ours, theirs], rules), flying);
    expect(shareOf(picker, [1])).toBe(1);
    flying[1] = 10;
    expect([0, 2]).toContain(slotOf(picker.pick(requestOf())));
  });

  it('spill over when home has lost capacity', () => {
    const snapshot = snapshotOf([ours, { ...ours, status: 'down' }, theirs, theirs], rules);
    // One of three is left where half was: 2/3 stay.
    expect(shareOf(pickerOf(snapshot), [0])).toBeCloseTo(2 / 3, 1);
  });
});

describe('sessions', () => {
  const draining: Given = { status: 'draining', keepsSessions: true };

  it('stay with their backend, wherever the policy would send them', () => {
    const picker = pickerOf(snapshotOf([UP, UP, SECOND]), [5, 0, 9], 'least_request', STICKY);
    for (const pinned of [0, 1, 2]) expect(slotOf(picker.pick(requestOf({ pinned })))).toBe(pinned);
    expect(slotOf(picker.pick(requestOf()))).toBe(1);
  });

  it('go elsewhere when their backend has no room, failed them, is gone, or is dead', () => {
    const snapshot = snapshotOf([UP, UP, DOWN, { status: 'draining' }, { status: 'disabled' }]);
    const picker = pickerOf(snapshot, [10], 'least_request', STICKY);
    for (const pinned of [0, 2, 3, 4, 99, -1]) expect(slotOf(picker.pick(requestOf({ pinned })))).toBe(1);
    expect(slotOf(picker.pick(requestOf({ pinned: 1, tried: [1] })))).toBe(1);
    expect(slotOf(pickerOf(snapshot, [], 'least_request', STICKY).pick(requestOf({ pinned: 1, tried: [1] })))).toBe(0);
  });

  it('stay with a backend that drains, which gets nobody else', () => {
    const picker = pickerOf(snapshotOf([UP, draining, UP]), [9, 0, 9], 'least_request', STICKY);
    expect(slotOf(picker.pick(requestOf({ pinned: 1 })))).toBe(1);
    expect(shareOf(picker, [1])).toBe(0);
    const full = pickerOf(snapshotOf([UP, draining]), [10, 0], 'least_request', STICKY);
    expect(full.pick(requestOf())).toBeNull();
    expect(slotOf(full.pick(requestOf({ pinned: 1 })))).toBe(1);
  });

  it('are nothing where they are not asked for', () => {
    const picker = pickerOf(snapshotOf([UP, UP]), [5, 0]);
    expect(slotOf(picker.pick(requestOf({ pinned: 0 })))).toBe(1);
  });
});

describe('turns', () => {
  it('go on over rebuilds, each group by itself', () => {
    const pickers = new PoolPickers({ balance: 'round_robin', sticky: null }, loadsOf([]), createRng('turns'));
    const snapshot = snapshotOf([UP, UP, UP]);
    const slots = Array.from({ length: 6 }, () => slotOf(pickers.build(snapshot).pick(requestOf())));
    expect(new Set(slots.slice(0, 3)).size).toBe(3);
    expect(slots.slice(3)).toEqual(slots.slice(0, 3));
  });
});
