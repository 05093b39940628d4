import { describe, expect, test } from 'vitest';
import { type Call, Pace, triggerOf } from '../../../src/hooks/pace.ts';
import { change, notice } from './support.ts';

/** What is told, as `trigger of backend +suppressed`. */
function told(calls: readonly (Call | null)[]): string[] {
  return calls
    .filter((call) => call !== null)
    .map(({ trigger, event, suppressed }) => `${trigger} of ${event.backend ?? event.upstream} +${suppressed}`);
}

describe('the pace of a hook', () => {
  test('tells only what it is on', () => {
    const pace = new Pace({ on: ['down', 'panic'], minIntervalMs: 0 });
    const events = [
      ...(['up', 'suspect', 'down', 'draining'] as const).map((to) => change('a', to)),
      ...(['panic', 'panic_end', 'mass_failure'] as const).map((kind) => notice(kind)),
    ];
    expect(told(events.map((event) => pace.hear(event, 0)))).toEqual(['down of a +0', 'panic of app +0']);
  });

  test('never tells what hooks, reloads and workers do', () => {
    expect((['hook', 'reload', 'worker'] as const).map((kind) => triggerOf(notice(kind)))).toEqual([null, null, null]);
  });

  test('tells everything where there is no interval', () => {
    const pace = new Pace({ on: ['down', 'up'], minIntervalMs: 0 });
    const calls = (['down', 'up', 'down'] as const).map((to) => pace.hear(change('a', to), 0));
    expect(told(calls)).toEqual(['down of a +0', 'up of a +0', 'down of a +0']);
    expect(pace.nextDueMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('holds back within the interval, each backend for itself', () => {
    const pace = new Pace({ on: ['down'], minIntervalMs: 1_000 });
    expect(told([pace.hear(change('a', 'down'), 0), pace.hear(change('b', 'down'), 400)])).toHaveLength(2);
    expect(pace.hear(change('a', 'down'), 999)).toBeNull();
    expect(pace.hear(change('b', 'down'), 1_399)).toBeNull();
    expect(told([pace.hear(change('a', 'down', 'api'), 500)])).toEqual(['down of a +0']);
  });

  test('tells the last of what it held back once the interval is over, and counts the rest', () => {
    const pace = new Pace({ on: ['down', 'up'], minIntervalMs: 1_000 });
    pace.hear(change('a', 'down'), 0);
    for (const to of ['up', 'down', 'up'] as const) expect(pace.hear(change('a', to), 500)).toBeNull();
    expect(pace.nextDueMs).toBe(1_000);
    expect(pace.due(999)).toEqual([]);
    expect(told(pace.due(1_000))).toEqual(['up of a +2']);
    // That was a call, too: the next is held back again.
    expect(pace.hear(change('a', 'down'), 1_999)).toBeNull();
    expect(pace.nextDueMs).toBe(2_000);
    expect(told(pace.due(2_000))).toEqual(['down of a +0']);
  });

  test('does not tell what no longer holds, and takes its count along', () => {
    const pace = new Pace({ on: ['down'], minIntervalMs: 1_000 });
    pace.hear(change('a', 'down'), 0);
    for (const to of ['up', 'down', 'up'] as const) expect(pace.hear(change('a', to), 500)).toBeNull();
    expect(pace.due(1_000)).toEqual([]);
    expect(pace.nextDueMs).toBe(Number.POSITIVE_INFINITY);
    expect(told([pace.hear(change('a', 'down'), 60_000)])).toEqual(['down of a +1']);
    pace.due(61_000);
    expect(told([pace.hear(change('a', 'down'), 120_000)])).toEqual(['down of a +0']);
  });

  test('knows panic and mass failure apart, and each with its end', () => {
    const pace = new Pace({ on: ['panic', 'panic_end', 'mass_failure'], minIntervalMs: 1_000 });
    expect(told([pace.hear(notice('mass_failure'), 0), pace.hear(notice('panic'), 0)])).toHaveLength(2);
    expect(pace.hear(notice('panic_end'), 10)).toBeNull();
    expect(told(pace.due(1_000))).toEqual(['panic_end of app +0']);
  });

  test('forgets no one of thousands, and keeps no more than a thousand counts', () => {
    const pace = new Pace({ on: ['down'], minIntervalMs: 1_000 });
    const names = Array.from({ length: 5_000 }, (_, n) => `b${n}`);
    for (const to of ['down', 'up', 'down', 'up'] as const) for (const name of names) pace.hear(change(name, to), 0);
    expect(pace.due(1_000)).toEqual([]);
    const counts = names.map((name) => pace.hear(change(name, 'down'), 2_000)?.suppressed);
    expect([counts.filter((count) => count === 1).length, counts.filter((count) => count === 0).length]).toEqual([
      1_000, 4_000,
    ]);
    expect(pace.due(3_000)).toEqual([]);
    expect(pace.nextDueMs).toBe(Number.POSITIVE_INFINITY);
  });
});
