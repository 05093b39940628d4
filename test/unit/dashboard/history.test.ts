import { beforeEach, describe, expect, it } from 'vitest';
import { CAPACITY, History } from '../../../src/dashboard/history.ts';
import type { BackendReport, HealthReport } from '../../../src/model/report.ts';

let history: History;
let nowMs: number;

beforeEach(() => {
  history = new History();
  nowMs = 1_000_000;
});

/** One second later, these backends of `app` have so many requests and failures in all. */
function second(totals: Record<string, readonly [requests: number, failures: number, p50?: number]>): void {
  nowMs += 1_000;
  const backends = Object.entries(totals).map(
    ([id, [requests, failures, p50]]) =>
      ({
        id,
        requests_total: requests,
        failures_total: failures,
        in_flight: 2,
        latency_ms: p50 === undefined ? null : { p50, p90: p50, p99: 2 * p50 },
      }) as BackendReport,
  );
  history.take({ upstreams: { app: { backends } } } as unknown as HealthReport, nowMs);
}

describe('History', () => {
  it('makes rates and shares of what counters grew in the last five seconds', () => {
    for (let i = 0; i <= 10; i++) second({ a: [30 * i, 3 * i], b: [10 * i, 0] });
    expect(history.latest('app', 'a', 'rate')).toBe(30);
    expect(history.latest('app', 'a', 'failureRate')).toBe(3);
    expect(history.latest('app', 'a', 'share')).toBe(0.75);
    expect(history.latest('app', null, 'rate')).toBe(40);
    expect(history.latest('app', null, 'inFlight')).toBe(4);
    for (let i = 0; i < 5; i++) second({ a: [300, 30], b: [100 + 10 * i, 0] });
    expect(history.latest('app', 'a', 'rate')).toBe(0);
  });

  it('knows no rate after the first sample, and none of the past after a restart', () => {
    second({ a: [500, 0] });
    expect(history.latest('app', 'a', 'rate')).toBeNaN();
    second({ a: [510, 0] });
    expect(history.latest('app', 'a', 'rate')).toBe(10);
    second({ a: [3, 0] });
    expect(history.latest('app', 'a', 'rate')).toBeNaN();
    second({ a: [8, 0] });
    expect(history.latest('app', 'a', 'rate')).toBe(5);
  });

  it('tells the typical and the worst latency of a pool', () => {
    second({ a: [1, 0, 10], b: [1, 0, 30], c: [1, 0, 20], d: [1, 0] });
    expect(history.latest('app', null, 'p50')).toBe(20);
    expect(history.latest('app', null, 'p99')).toBe(60);
  });

  it('keeps the last minutes in order, and gaps where a backend was away', () => {
    for (let i = 0; i < CAPACITY + 20; i++) {
      second(i % 2 === 0 ? { a: [i, 0] } : { a: [i, 0], b: [i, 0] });
    }
    const times = history.times();
    expect(times.length).toBe(CAPACITY);
    expect(times.at(-1)).toBe(nowMs / 1_000);
    expect(times).toEqual(Array.from(times).sort((x, y) => x - y));
    expect(history.beginMs()).toBe((times[0] ?? 0) * 1_000);
    expect(history.values('app', 'a', 'requests').slice(-3)).toEqual([CAPACITY + 17, CAPACITY + 18, CAPACITY + 19]);
    expect(history.values('app', 'b', 'requests').slice(-3)).toEqual([CAPACITY + 17, Number.NaN, CAPACITY + 19]);
  });

  it('knows nothing of what it never saw', () => {
    expect(history.latest('app', 'a', 'rate')).toBeNaN();
    second({ a: [1, 0] });
    expect(history.latest('app', 'z', 'rate')).toBeNaN();
    expect(history.values('app', 'z', 'rate')).toEqual([Number.NaN]);
  });
});
