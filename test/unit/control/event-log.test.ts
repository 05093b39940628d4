import { describe, expect, it } from 'vitest';
import { EventLog } from '../../../src/control/event-log.ts';
import type { Transition } from '../../../src/model/transition.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';

function transition(at: number): Transition {
  return { id: 1, at, backend: 'b', from: 'up', to: 'down', reason: '3 probes failed in a row', source: 'probe' };
}

describe('the event log', () => {
  it('numbers the transitions of all upstreams in one row, in wall-clock time', () => {
    const clock = new VirtualClock();
    const log = new EventLog(clock);
    clock.advanceTo(1_500);
    log.record('app', transition(1_500));
    log.record('api', transition(500));
    expect(log.since(0)).toEqual([
      {
        id: 1,
        at: '2026-01-01T00:00:01.500Z',
        upstream: 'app',
        backend: 'b',
        from: 'up',
        to: 'down',
        reason: '3 probes failed in a row',
        source: 'probe',
      },
      expect.objectContaining({ id: 2, at: '2026-01-01T00:00:00.500Z', upstream: 'api' }),
    ]);
  });

  it('keeps the last thousand, and gives those after an id', () => {
    const log = new EventLog(new VirtualClock());
    for (let i = 0; i < 1_010; i++) log.record('app', transition(0));
    const kept = log.since(0).map(({ id }) => id);
    expect([kept[0], kept.at(-1), kept.length]).toEqual([11, 1_010, 1_000]);
    expect(log.since(1_008).map(({ id }) => id)).toEqual([1_009, 1_010]);
    expect(log.since(1_010)).toEqual([]);
  });

  it('gives everything after an id of an earlier process', () => {
    const log = new EventLog(new VirtualClock());
    log.record('app', transition(0));
    expect(log.since(99)).toHaveLength(1);
  });

  it('tells listeners of each new event until they leave', () => {
    const log = new EventLog(new VirtualClock());
    const heard: number[] = [];
    log.record('app', transition(0));
    const unsubscribe = log.subscribe(({ id }) => heard.push(id));
    log.record('app', transition(0));
    log.record('app', transition(0));
    unsubscribe();
    log.record('app', transition(0));
    expect(heard).toEqual([2, 3]);
  });

  it('numbers notices in the same row, and says what they concern', () => {
    const clock = new VirtualClock();
    const log = new EventLog(clock);
    const heard: unknown[] = [];
    log.subscribe((event) => heard.push(event));
    log.record('app', transition(0));
    clock.advanceTo(2_000);
    const notice = log.note({ kind: 'panic', upstream: 'app', message: '1 of 4 backends is available' });
    expect(notice).toEqual({
      id: 2,
      at: '2026-01-01T00:00:02.000Z',
      kind: 'panic',
      upstream: 'app',
      backend: null,
      message: '1 of 4 backends is available',
    });
    log.record('app', transition(0));
    log.note({ kind: 'reload', message: 'generation 2' });
    expect(log.since(0).map(({ id }) => id)).toEqual([1, 2, 3, 4]);
    expect(log.since(3)).toEqual([expect.objectContaining({ kind: 'reload', upstream: null, backend: null })]);
    expect(heard).toEqual(log.since(0));
  });

  it('keeps the last two hundred notices, which crowd out no transition', () => {
    const log = new EventLog(new VirtualClock());
    log.record('app', transition(0));
    for (let i = 0; i < 5_000; i++) log.note({ kind: 'hook', message: 'ops answered 200' });
    const kept = log.since(0).map(({ id }) => id);
    expect([kept[0], kept[1], kept.length]).toEqual([1, 4_802, 201]);
  });
});
