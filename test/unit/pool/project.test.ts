import { describe, expect, it } from 'vitest';
import type { Status } from '../../../src/model/status.ts';
import type { BackendView } from '../../../src/model/view.ts';
import { project } from '../../../src/pool/project.ts';
import { simulatedBackend } from '../../../src/sim/settings.ts';

type Given = Partial<BackendView> & { status: Status };

function snapshotOf(given: readonly Given[], mode: 'least_bad' | 'all' | 'fail' = 'least_bad', threshold = 0.5) {
  const members = given.map((view, slot) => {
    const id = `b${slot}`;
    const known = {
      baseWeight: 1,
      factor: 1,
      epoch: 1,
      reason: '',
      since: 0,
      proven: true,
      hopeless: false,
      held: false,
      failures: 0,
      keepsSessions: false,
      role: null,
    };
    return { backend: { ...simulatedBackend(id), slot }, view: { id, ...known, ...view } };
  });
  return project(members, { panic: { threshold, mode }, zone: null, requireRole: null }, 7, 0);
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
});
