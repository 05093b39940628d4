/** The server's difference and the browser's way of applying it belong together: one after the other gives the second picture. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffHealth } from '../../../src/admin/dashboard/health-diff.ts';
import { applyPatch } from '../../../src/dashboard/apply-patch.ts';
import type { BackendReport, HealthReport, UpstreamReport } from '../../../src/model/report.ts';

const backend = fc.record({
  id: fc.constantFrom('a', 'b', 'c', '__proto__'),
  url: fc.constant('http://127.0.0.1:3001'),
  status: fc.constantFrom('up', 'down', 'draining'),
  available: fc.boolean(),
  priority: fc.constant(0),
  weight: fc.constantFrom(1, 2),
  effective_weight: fc.constantFrom(0, 0.5, 1),
  in_flight: fc.nat(3),
  requests_total: fc.nat(5),
  failures_total: fc.nat(2),
  retries_total: fc.constant(0),
  latency_ms: fc.option(fc.record({ p50: fc.nat(2), p90: fc.nat(2), p99: fc.nat(2) })),
  load: fc.option(
    fc.record({ utilization: fc.constantFrom(0.1, 0.2), source: fc.constant('response'), age_ms: fc.constant(7) }),
  ),
  version: fc.option(fc.constantFrom('1', '2')),
  role: fc.constant(null),
  heartbeat: fc.option(fc.record({ verdict: fc.constantFrom('alive', 'lost'), seq: fc.nat(2) })),
  since: fc.constantFrom('2026-11-21T02:00:00.000Z', '2026-11-21T02:00:09.000Z'),
  reason: fc.constantFrom('x', 'y'),
}) as fc.Arbitrary<BackendReport>;

const upstream = fc.record({
  status: fc.constantFrom('ok', 'degraded'),
  panic: fc.boolean(),
  balance: fc.constant('random'),
  available: fc.nat(3),
  total: fc.constant(3),
  snapshot: fc.nat(3),
  backends: fc.uniqueArray(backend, { maxLength: 4, selector: ({ id }) => id }),
}) as fc.Arbitrary<UpstreamReport>;

const health = fc.record({
  status: fc.constantFrom('ok', 'down'),
  version: fc.constant('1'),
  generation: fc.nat(2),
  uptime_seconds: fc.nat(9),
  self: fc.record({ awareness: fc.nat(1), loop_lag_ms: fc.nat(1), workers: fc.constant(1) }),
  upstreams: fc
    .uniqueArray(fc.tuple(fc.constantFrom('app', 'api', '__proto__'), upstream), {
      maxLength: 3,
      selector: ([name]) => name,
    })
    .map(Object.fromEntries),
}) as unknown as fc.Arbitrary<HealthReport>;

describe('diffHealth and applyPatch', () => {
  it('lead from any picture to any other with the same upstreams, over the wire', () => {
    fc.assert(
      fc.property(health, health, (before, after) => {
        const patch = diffHealth(before, after, 5);
        const sameNames = Object.keys(before.upstreams).join() === Object.keys(after.upstreams).join();
        expect(patch === null).toBe(!sameNames);
        if (patch === null) return;
        const arrived = applyPatch(before, JSON.parse(JSON.stringify(patch)));
        // As text: the way in which it is read, and sees own properties of any name.
        expect(JSON.stringify(arrived)).toBe(JSON.stringify(after));
      }),
      { numRuns: 500 },
    );
  });

  it('say nothing of what is the same, of a load that only aged, or of an instant that wavers', () => {
    const [before] = fc.sample(health, { seed: 3, numRuns: 1 }) as [HealthReport];
    const one = { ...(fc.sample(backend, { seed: 1, numRuns: 1 })[0] as BackendReport), load: loadOf(7) };
    const pool = (changed: BackendReport): HealthReport => ({
      ...before,
      upstreams: {
        app: { status: 'ok', panic: false, balance: 'x', available: 1, total: 1, snapshot: 1, backends: [changed] },
      },
    });
    const since = new Date(Date.parse(one.since) + 1).toISOString();
    expect(diffHealth(pool(one), pool({ ...one, load: loadOf(1_007), since }), 9)).toEqual({ at: 9 });
    expect(diffHealth(pool(one), pool({ ...one, in_flight: 77 }), 9)).toEqual({
      at: 9,
      upstreams: { app: { changed: [[0, { in_flight: 77 }]] } },
    });
  });

  it('keep what did not change as it was, so that a view can skip it', () => {
    const [before] = fc.sample(
      health.filter(({ upstreams }) => Object.keys(upstreams).length > 1),
      1,
    ) as [HealthReport];
    const [first = '', second = ''] = Object.keys(before.upstreams);
    const after = applyPatch(before, { at: 1, upstreams: { [first]: { snapshot: 99 } } });
    expect(after.upstreams[first]?.snapshot).toBe(99);
    expect(after.upstreams[second]).toBe(before.upstreams[second]);
  });
});

function loadOf(ageMs: number): BackendReport['load'] {
  return { utilization: 0.5, source: 'response', age_ms: ageMs };
}
