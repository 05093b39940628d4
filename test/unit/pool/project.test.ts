import { describe, expect, it } from 'vitest';
import { type Given, snapshotOf as poolOf, times } from './support.ts';

function snapshotOf(given: readonly Given[], mode: 'least_bad' | 'all' | 'fail' = 'least_bad', threshold = 0.5) {
  return poolOf(given, { panic: { threshold, mode } }, 7);
}

function serving(...args: Parameters<typeof snapshotOf>): number[] {
  return snapshotOf(...args).candidates.map(({ backend }) => backend.slot);
}

const UP: Given = { status: 'up' };
const DOWN: Given = { status: 'down' };

describe('project', () => {
  it('serves from what is available, at the weight that health leaves', () => {
    const suspect: Given = { status: 'suspect', baseWeight: 2, factor: 0.25 };
    const snapshot = snapshotOf([UP, suspect, { status: 'trial' }, DOWN]);
    expect(snapshot.candidates.map(({ weight, trial }) => [weight, trial])).toEqual([
      [1, false],
      [0.5, false],
      [1, true],
    ]);
    expect(snapshot.entries.map(({ weight }) => weight)).toEqual([1, 0.5, 1, 0]);
    expect(snapshot).toMatchObject({ status: 'degraded', panic: false, available: 3, total: 4, version: 7 });
  });

  it('never serves from draining or disabled backends, however bad it stands', () => {
    for (const mode of ['least_bad', 'all', 'fail'] as const) {
      expect(serving([{ status: 'draining' }, { status: 'disabled' }], mode)).toEqual([]);
      expect(serving([{ status: 'draining' }, DOWN, { status: 'disabled' }], mode, 1)).toEqual(
        mode === 'fail' ? [] : [1],
      );
    }
  });

  it('lets panic rules decide about backends that are held because most of the pool failed at once', () => {
    const held: Given = { status: 'suspect', factor: 0.25, held: true };
    expect(snapshotOf([UP, held, held])).toMatchObject({ panic: true, status: 'panic', available: 3 });
    expect(serving([UP, { ...held, failures: 5 }, { ...held, failures: 3 }])).toEqual([0, 2]);
    expect(serving([UP, held, held], 'all')).toEqual([0, 1, 2]);
    expect(snapshotOf([UP, held, held], 'fail')).toMatchObject({ panic: true, status: 'down', candidates: [] });
    expect(snapshotOf([UP, UP, held])).toMatchObject({ panic: false, available: 3 });
  });

  it('leaves draining and disabled backends out of the share that decides on panic', () => {
    expect(snapshotOf([UP, { status: 'draining' }, { status: 'disabled' }])).toMatchObject({
      status: 'ok',
      panic: false,
    });
  });

  it('panics below the threshold, not at it', () => {
    expect(snapshotOf([UP, UP, DOWN, DOWN]).panic).toBe(false);
    expect(snapshotOf([UP, DOWN, DOWN]).panic).toBe(true);
    expect(snapshotOf([DOWN, DOWN], 'least_bad', 0)).toMatchObject({ panic: false, status: 'down', candidates: [] });
  });

  it('adds the least bad up to the threshold, and refusing ones only when there is nothing else', () => {
    const failing = (failures: number, hopeless = false): Given => ({ status: 'down', failures, hopeless });
    expect(serving([UP, failing(9), failing(3), failing(1, true), failing(5)])).toEqual([0, 2, 4]);
    expect(serving([failing(9), failing(1, true)], 'least_bad', 1)).toEqual([0]);
    expect(serving([failing(9, true), failing(1, true)])).toEqual([0, 1]);
  });

  it('serves everybody eligible in mode all', () => {
    expect(serving([UP, DOWN, { status: 'ejected' }, { status: 'draining' }], 'all')).toEqual([0, 1, 2]);
  });

  it('lets unproven backends serve while nothing is proven, without panic', () => {
    const starting: Given = { status: 'starting', proven: false };
    const unproven = { ...DOWN, proven: false };
    expect(snapshotOf([starting, unproven])).toMatchObject({ panic: false, status: 'down' });
    expect(serving([starting, unproven])).toEqual([0]);
    expect(serving([starting, UP])).toEqual([1]);
    expect(snapshotOf([UP, starting, starting, starting])).toMatchObject({ panic: false, status: 'degraded' });
  });

  it('calls an upstream down when nothing is available or nothing serves', () => {
    expect(snapshotOf([DOWN, DOWN]).status).toBe('down');
    expect(snapshotOf([UP, DOWN, DOWN], 'fail').status).toBe('down');
    expect(snapshotOf([UP, DOWN, DOWN]).status).toBe('panic');
    expect(snapshotOf([]).status).toBe('down');
  });

  it('is one group where neither priorities nor zones are told apart', () => {
    const { groups, candidates } = snapshotOf([UP, UP, DOWN]);
    expect(groups).toEqual([{ priority: 0, zone: 'all', share: 1, candidates }]);
    expect(groups[0]?.candidates).toBe(candidates);
    expect(snapshotOf([]).groups).toEqual([]);
    expect(snapshotOf([DOWN], 'fail').groups).toEqual([]);
  });

  it('keeps who drains and is well for sessions alone', () => {
    const draining: Given = { status: 'draining', keepsSessions: true, baseWeight: 2, epoch: 4 };
    const snapshot = snapshotOf([UP, draining, { status: 'draining' }, { status: 'disabled' }]);
    expect(snapshot.candidates.map(({ backend }) => backend.slot)).toEqual([0]);
    expect(snapshot.pinnedOnly).toMatchObject([{ backend: { slot: 1 }, baseWeight: 2, trial: false, epoch: 4 }]);
    expect(Object.isFrozen(snapshot.pinnedOnly) && Object.isFrozen(snapshot.groups)).toBe(true);
  });

  it('gives candidates the weight as configured besides the one that health leaves', () => {
    const [candidate] = snapshotOf([{ status: 'suspect', baseWeight: 2, factor: 0.25 }]).candidates;
    expect(candidate).toMatchObject({ weight: 0.5, baseWeight: 2 });
  });
});

describe('priorities', () => {
  const P1: Given = { status: 'up', priority: 1 };

  function shares(given: readonly Given[], ...rest: [mode?: 'least_bad' | 'all' | 'fail', threshold?: number]) {
    return snapshotOf(given, ...rest).groups.map(({ priority, share }) => [
      priority,
      Math.round(share * 1_000) / 1_000,
    ]);
  }

  it('leave the second level without requests, but as the way out, while the first is well', () => {
    expect(shares([P1, UP, P1, UP])).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(serving([P1, UP, P1, UP])).toEqual([1, 3, 0, 2]);
  });

  it('spill over by what the first level lacks, and return', () => {
    expect(shares([UP, DOWN, P1, P1])).toEqual([
      [0, 0.7],
      [1, 0.3],
    ]);
    expect(shares([DOWN, DOWN, P1, P1])).toEqual([[1, 1]]);
    expect(shares([UP, UP, P1, P1])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it('do not panic where the other levels carry what one has lost', () => {
    expect(snapshotOf([DOWN, DOWN, UP, P1, P1])).toMatchObject({ panic: false, status: 'degraded' });
    expect(serving([DOWN, DOWN, UP, P1, P1])).toEqual([2, 3, 4]);
    // One level by itself does, as ever.
    expect(snapshotOf([DOWN, DOWN, UP]).panic).toBe(true);
    expect(snapshotOf([UP, UP, UP, DOWN], 'least_bad', 0.9).panic).toBe(true);
    expect(snapshotOf([UP, UP, UP, DOWN, P1], 'least_bad', 0.9).panic).toBe(false);
  });

  it('panic level by level when all together are too weak', () => {
    const weak: Given[] = [UP, DOWN, DOWN, DOWN, P1, { ...P1, status: 'down' }, { ...P1, status: 'down' }];
    expect(snapshotOf(weak)).toMatchObject({ panic: true, status: 'panic' });
    expect(serving(weak)).toEqual([0, 1, 4, 5]);
  });

  it('send everything to the first level that may be listening when nobody is well', () => {
    const dead: Given = { status: 'down', hopeless: true };
    expect(shares([DOWN, { ...DOWN, priority: 1 }])).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(shares([dead, { ...DOWN, priority: 1 }])).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(shares([dead, { ...dead, priority: 1 }])).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(shares([DOWN, { ...DOWN, priority: 1 }], 'fail')).toEqual([]);
  });

  it('give the share of a level that may not serve in panic to the others', () => {
    const weak: Given[] = [UP, ...times(19, DOWN), P1, { ...P1, status: 'down' }];
    expect(shares(weak)).toEqual([
      [0, 0.091],
      [1, 0.909],
    ]);
    expect(shares(weak, 'fail')).toEqual([[1, 1]]);
  });

  it('leave a level that most likely failed as a whole, although its backends are held', () => {
    const held: Given = { status: 'suspect', factor: 0.25, held: true };
    expect(shares([held, held, P1])).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  it('take draining and disabled backends for nobody, so that a level that is drained is no emergency', () => {
    expect(shares([UP, { status: 'draining' }, { status: 'disabled' }, P1])).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(shares([{ status: 'draining' }, P1])).toEqual([[1, 1]]);
  });

  it('count unproven backends like others while nothing is proven', () => {
    const starting: Given = { status: 'starting', proven: false };
    expect(shares([starting, starting, { ...starting, priority: 1 }])).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(shares([starting, starting, P1])).toEqual([[1, 1]]);
  });
});

describe('zones', () => {
  const zone = { label: 'zone', local: 'a' };
  const ours: Given = { status: 'up', labels: { zone: 'a' } };
  const theirs: Given = { status: 'up', labels: { zone: 'b' } };
  const down = (given: Given): Given => ({ ...given, status: 'down' });

  function shares(given: readonly Given[]) {
    return poolOf(given, { zone }).groups.map((group) => [group.zone, Math.round(group.share * 1_000) / 1_000]);
  }

  it('keep everything at home while home has its usual share', () => {
    expect(shares([theirs, ours, theirs, ours])).toEqual([
      ['local', 1],
      ['remote', 0],
    ]);
    expect(shares([theirs, theirs, theirs, ours])).toEqual([
      ['local', 1],
      ['remote', 0],
    ]);
    // The others have lost more: theirs is to spill over, not ours.
    expect(shares([theirs, down(theirs), ours, ours])).toEqual([
      ['local', 1],
      ['remote', 0],
    ]);
  });

  it('spill over just as much as makes everybody equally busy', () => {
    const given = [ours, down(ours), ours, down(ours), theirs, theirs, theirs, theirs];
    const [local, remote] = poolOf(given, { zone }).groups;
    // Half of all requests come from our zone; the others' zone keeps its own.
    const perLocal = (0.5 * (local?.share ?? 0)) / 2;
    const perRemote = (0.5 * (remote?.share ?? 0) + 0.5) / 4;
    expect(perLocal).toBeCloseTo(perRemote, 9);
  });

  it('go by weight as configured, not by what load and slow start make of it', () => {
    expect(shares([{ ...ours, baseWeight: 3 }, down(ours), theirs, theirs])).toEqual([
      ['local', 0.9],
      ['remote', 0.1],
    ]);
    expect(shares([{ ...ours, factor: 0.1 }, theirs])).toEqual([
      ['local', 1],
      ['remote', 0],
    ]);
  });

  it('send all away when nobody is at home, and make no groups where nobody lives there at all', () => {
    expect(shares([down(ours), theirs, theirs])).toEqual([['remote', 1]]);
    expect(shares([theirs, theirs])).toEqual([['remote', 1]]);
    expect(shares([ours, ours])).toEqual([['local', 1]]);
    expect(shares([ours, UP])).toEqual([
      ['local', 1],
      ['remote', 0],
    ]);
  });

  it('divide every priority level by itself', () => {
    const second = (given: Given): Given => ({ ...given, priority: 1 });
    const { groups } = poolOf([ours, down(theirs), second(ours), second(theirs)], { zone });
    expect(groups.map((group) => [group.priority, group.zone, Math.round(group.share * 1_000) / 1_000])).toEqual([
      [0, 'local', 0.7],
      [1, 'local', 0.3],
      [1, 'remote', 0],
    ]);
  });
});

describe('roles', () => {
  const primary: Given = { status: 'up', role: 'primary' };
  const replica: Given = { status: 'up', role: 'replica' };

  it('leave out who has another or none, in panic too, and count only who has it', () => {
    const snapshot = poolOf([replica, primary, UP], { requireRole: 'primary' });
    expect(snapshot.candidates.map(({ backend }) => backend.slot)).toEqual([1]);
    expect(snapshot).toMatchObject({ status: 'ok', panic: false, available: 1, total: 3 });
    expect(snapshot.entries.map(({ available, weight }) => [available, weight])).toEqual([
      [false, 0],
      [true, 1],
      [false, 0],
    ]);
    const rules = { requireRole: 'primary', panic: { mode: 'all', threshold: 1 } } as const;
    expect(poolOf([replica, { ...primary, status: 'down' }, UP], rules).candidates).toMatchObject([
      { backend: { slot: 1 } },
    ]);
  });

  it('leave nobody when nobody has it, draining or not', () => {
    const draining: Given = { ...replica, status: 'draining', keepsSessions: true };
    const snapshot = poolOf([replica, draining], { requireRole: 'primary' });
    expect(snapshot).toMatchObject({ status: 'down', candidates: [], pinnedOnly: [] });
  });
});
