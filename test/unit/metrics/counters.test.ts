/** Counters of the data plane: what is counted, that a reload keeps it, and that processes add up. */

import { describe, expect, test } from 'vitest';
import { DataPlaneCounters, type DataPlaneGauges, HEDGE, RETRY } from '../../../src/metrics/data-plane-counters.ts';
import { type DataPlaneCounts, mergeCounts, NO_COUNTS, pastOf } from '../../../src/metrics/data-plane-counts.ts';
import { BOUNDS_MS, Durations, durationFigures } from '../../../src/metrics/durations.ts';

const NOTHING_OPEN: DataPlaneGauges = { openOf: () => 0, pendingOf: () => 0 };

describe('durations', () => {
  test('a bound belongs to its own bucket', () => {
    const durations = new Durations();
    for (const ms of [0, 1, 1.001, 250, 30_000, 30_001]) durations.record(ms);
    const { below, count, sumSeconds } = durationFigures(durations.counts);
    expect(below[0]).toBe(2);
    expect(below[1]).toBe(3);
    expect(below[BOUNDS_MS.indexOf(100)]).toBe(3);
    expect(below[BOUNDS_MS.indexOf(250)]).toBe(4);
    expect(below.at(-1)).toBe(5);
    expect(count).toBe(6);
    expect(sumSeconds).toBeCloseTo(60.253, 3);
  });

  test('bounds ascend and are 1, 2.5 or 5 to a power of ten', () => {
    expect([...BOUNDS_MS].sort((a, b) => a - b)).toEqual(BOUNDS_MS);
  });
});

describe('counters', () => {
  test('requests are told apart by listener, upstream and class', () => {
    const counters = new DataPlaneCounters();
    const app = counters.upstream('app');
    const api = counters.upstream('api');
    const open = counters.listener('public');
    const inner = counters.listener('inner');
    open.countRequest(app, 200, 3);
    open.countRequest(app, 204, 3);
    open.countRequest(api, 503, 7);
    open.countRequest(null, 404, 1);
    inner.countRequest(app, 0, 9);
    const [first, second] = counters.snapshot(NOTHING_OPEN).listeners;
    expect(first?.requests).toEqual([
      ['', [0, 0, 0, 0, 1, 0]],
      ['app', [0, 0, 2, 0, 0, 0]],
      ['api', [0, 0, 0, 0, 0, 1]],
    ]);
    expect(second?.requests).toEqual([['app', [1, 0, 0, 0, 0, 0]]]);
    expect(durationFigures(app.durations.counts)).toMatchObject({ count: 3, sumSeconds: 0.015 });
  });

  test('how long a tunnel was open is not how long an answer took', () => {
    const counters = new DataPlaneCounters();
    const app = counters.upstream('app');
    counters.listener('public').countRequest(app, 101, 86_400_000);
    expect(durationFigures(app.durations.counts).count).toBe(0);
    expect(counters.snapshot(NOTHING_OPEN).listeners[0]?.requests).toEqual([['app', [0, 1, 0, 0, 0, 0]]]);
  });

  test('go on under their name after a reload, also when an upstream has joined', () => {
    const counters = new DataPlaneCounters();
    const app = counters.upstream('app');
    const listener = counters.listener('public');
    listener.countRequest(app, 200, 1);
    listener.countTunnel(app, true);
    const fresh = counters.upstream('fresh');
    counters.listener('public').countRequest(fresh, 200, 1);
    counters.listener('public').countTunnel(fresh, false);
    counters.upstream('app').retried(RETRY.denied);
    counters.upstream('app').hedged(HEDGE.won);
    expect(counters.listener('public')).toBe(listener);
    const { listeners, upstreams } = counters.snapshot(NOTHING_OPEN);
    expect(listeners[0]?.requests).toEqual([
      ['app', [0, 0, 1, 0, 0, 0]],
      ['fresh', [0, 0, 1, 0, 0, 0]],
    ]);
    expect(listeners[0]?.tunnels).toEqual([
      ['app', [1, 0]],
      ['fresh', [0, 1]],
    ]);
    expect(upstreams[0]).toMatchObject({ name: 'app', retries: [0, 0, 0, 1], hedges: [1, 0, 0] });
  });

  test('a snapshot is plain data, and no live view', () => {
    const counters = new DataPlaneCounters();
    const app = counters.upstream('app');
    counters.listener('public').countRequest(app, 200, 1);
    const snapshot = counters.snapshot(NOTHING_OPEN);
    const before = JSON.stringify(snapshot);
    expect(JSON.parse(before)).toEqual(snapshot);
    counters.listener('public').countRequest(app, 200, 1);
    expect(JSON.stringify(snapshot)).toBe(before);
  });
});

describe('adding up', () => {
  const of = (requests: number, inFlight: number): DataPlaneCounts => ({
    listeners: [
      {
        ...{ name: 'public', open: inFlight, accepted: requests, refused: 1 },
        ...{ requests: [['app', [0, 0, requests, 0, 0, 0]]], tunnels: [] },
      },
    ],
    upstreams: [
      {
        ...{ name: 'app', pending: inFlight, durations: [requests, 0], retries: [1, 0, 0, 0], hedges: [0, 0, 0] },
      },
    ],
  });

  test('sums by name, whatever the order', () => {
    const sum = mergeCounts(of(3, 1), of(4, 2));
    expect(sum).toEqual(mergeCounts(of(4, 2), of(3, 1)));
    expect(sum.listeners[0]).toMatchObject({
      open: 3,
      accepted: 7,
      refused: 2,
      requests: [['app', [0, 0, 7, 0, 0, 0]]],
    });
    expect(sum.upstreams[0]).toMatchObject({ pending: 3, durations: [7, 0], retries: [2, 0, 0, 0] });
  });

  test('what only one has is kept', () => {
    const [listener] = of(4, 2).listeners;
    const [upstream] = of(4, 2).upstreams;
    const other = {
      listeners: [{ ...listener, requests: [['api', [1, 0, 0, 0, 0, 0]]] }],
      upstreams: [{ ...upstream, name: 'api' }],
    } as DataPlaneCounts;
    const sum = mergeCounts(of(3, 1), other);
    expect(sum.listeners[0]?.requests).toEqual([
      ['app', [0, 0, 3, 0, 0, 0]],
      ['api', [1, 0, 0, 0, 0, 0]],
    ]);
    expect(sum.upstreams).toEqual([of(3, 1).upstreams[0], other.upstreams[0]]);
    expect(mergeCounts(NO_COUNTS, of(1, 1))).toEqual(of(1, 1));
  });

  test('a process that is no more leaves its counters, and nothing open', () => {
    const past = pastOf(of(3, 9));
    expect(past.listeners[0]).toMatchObject({ open: 0, accepted: 3 });
    expect(past.upstreams[0]).toMatchObject({ pending: 0, durations: [3, 0] });
    expect(mergeCounts(past, of(1, 1)).listeners[0]).toMatchObject({ open: 1, accepted: 4 });
  });
});
