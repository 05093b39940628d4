import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BrokenInvariantHandler, onBrokenInvariant } from '../../../src/base/invariant.ts';
import type { Lease } from '../../../src/model/lease.ts';
import { HEALTH, simulatedBackend } from '../../../src/sim/settings.ts';
import { ANY, createUpstream } from './fixtures.ts';

const UNPROBED = { health: { ...HEALTH, probe: null } };

function failTimes(acquire: () => Lease | null, backend: string, times: number): void {
  for (let n = 0; n < times; ) {
    const lease = acquire();
    if (lease?.backend.id === backend) n += 1;
    lease?.end(lease.backend.id === backend ? 'reset' : 'ok', 1, '');
  }
}

describe('Upstream', () => {
  let handler: BrokenInvariantHandler;
  beforeEach(() => {
    handler = onBrokenInvariant((sentence) => {
      throw new Error(sentence);
    });
  });
  afterEach(() => void onBrokenInvariant(handler));

  it('counts what a lease takes and gives back', () => {
    const { upstream } = createUpstream(['a'], UNPROBED);
    const lease = upstream.acquire(ANY);
    expect(upstream.report().backends[0]).toMatchObject({ in_flight: 1, requests_total: 1, latency_ms: null });
    lease?.end('ok', 12, '');
    const after = upstream.report().backends[0];
    expect(after).toMatchObject({ in_flight: 0, requests_total: 1, failures_total: 0 });
    expect(after?.latency_ms?.p50).toBeCloseTo(12, 0);
  });

  it('takes a second end of a lease for the bug it is, and counts it once', () => {
    const { upstream } = createUpstream(['a'], UNPROBED);
    const lease = upstream.acquire(ANY);
    lease?.end('ok', 1, '');
    expect(() => lease?.end('reset', 1, '')).toThrow('ended twice');
    expect(upstream.report().backends[0]).toMatchObject({ in_flight: 0, failures_total: 0 });
  });

  it('learns at once what is settled early, and keeps the place taken until the end', () => {
    const { upstream } = createUpstream(['a'], UNPROBED);
    const lease = upstream.acquire(ANY);
    lease?.settle('ok', 12);
    const open = upstream.report().backends[0];
    expect(open).toMatchObject({ in_flight: 1, requests_total: 1, failures_total: 0 });
    expect(open?.latency_ms?.p50).toBeCloseTo(12, 0);
    lease?.end('reset', 3_600_000, 'the tunnel was cut');
    const over = upstream.report().backends[0];
    expect(over).toMatchObject({ in_flight: 0, requests_total: 1, failures_total: 0 });
    expect(over?.latency_ms?.p99).toBeCloseTo(12, 0);
  });

  it('tells who waits when the place of a settled lease comes free', () => {
    const { upstream } = createUpstream(['a'], {
      ...UNPROBED,
      limits: { connections: 1, requests: null, adaptive: null, pending: 1, pendingTimeoutMs: 1 },
    });
    const lease = upstream.acquire(ANY);
    lease?.settle('ok', 1);
    expect(upstream.acquire(ANY)).toBeNull();
    let next: Lease | null = null;
    upstream.onRoom = () => {
      next = upstream.acquire(ANY);
    };
    lease?.end('ok', 1, '');
    expect(next).not.toBeNull();
  });

  it('gives no lease above the cap, and tells who waits when room comes free', () => {
    const { upstream } = createUpstream(['a'], {
      ...UNPROBED,
      limits: { connections: 1, requests: null, adaptive: null, pending: 1, pendingTimeoutMs: 1 },
    });
    const lease = upstream.acquire(ANY);
    expect(upstream.acquire(ANY)).toBeNull();
    let next: Lease | null = null;
    upstream.onRoom = () => {
      next = upstream.acquire(ANY);
    };
    lease?.end('ok', 1, '');
    expect(next).not.toBeNull();
  });

  it('tells who waits when an operator brings a backend back', () => {
    const { upstream } = createUpstream(['a'], UNPROBED);
    upstream.setIntent('a', 'disabled', 'ops');
    expect(upstream.acquire(ANY)).toBeNull();
    let calls = 0;
    upstream.onRoom = () => {
      calls += 1;
    };
    upstream.setIntent('a', 'enabled', 'ops');
    expect(calls).toBe(1);
  });

  it('ejects by traffic, returns through one trial request at a time, by its own timer', () => {
    const { upstream, clock, transitions } = createUpstream(['a', 'b'], UNPROBED);
    failTimes(() => upstream.acquire(ANY), 'a', 5);
    for (let n = 0; n < 20; n++) {
      const lease = upstream.acquire(ANY);
      expect(lease?.backend.id).toBe('b');
      lease?.end('ok', 1, '');
    }
    clock.advanceTo(10_000);
    const leases = Array.from({ length: 20 }, () => upstream.acquire(ANY));
    expect(leases.filter((lease) => lease?.backend.id === 'a')).toHaveLength(1);
    for (const lease of leases) lease?.end('ok', 1, '');
    expect(transitions.map(({ from, to }) => `${from} ${to}`)).toEqual(['up ejected', 'ejected trial', 'trial up']);
  });

  it('ends a trial by what is settled early, however long the request goes on', () => {
    const { upstream, clock, transitions } = createUpstream(['a', 'b'], UNPROBED);
    failTimes(() => upstream.acquire(ANY), 'a', 5);
    clock.advanceTo(10_000);
    const leases = Array.from({ length: 20 }, () => upstream.acquire(ANY));
    leases.find((lease) => lease?.isTrial)?.settle('ok', 1);
    expect(transitions.map(({ from, to }) => `${from} ${to}`)).toEqual(['up ejected', 'ejected trial', 'trial up']);
    for (const lease of leases) lease?.end('ok', 1, '');
  });

  it('ends a trial whose answer goes on for long, and counts the answer once when it ends', () => {
    const { upstream, clock, transitions } = createUpstream(['a', 'b'], UNPROBED);
    failTimes(() => upstream.acquire(ANY), 'a', 5);
    clock.advanceTo(10_000);
    const leases = Array.from({ length: 20 }, () => upstream.acquire(ANY));
    const trial = leases.find((lease) => lease?.isTrial);
    for (const lease of leases) lease?.answering();
    clock.advanceTo(19_000);
    expect(transitions.at(-1)?.to).toBe('trial');
    clock.advanceTo(20_000);
    expect(transitions.at(-1)).toMatchObject({
      to: 'up',
      reason: expect.stringContaining('the answer to the trial request has been coming for 10 s'),
    });
    expect(upstream.report().backends[0]).toMatchObject({ in_flight: 1, failures_total: 5 });
    trial?.end('truncated', 1, 'cut');
    expect(upstream.report().backends[0]).toMatchObject({ in_flight: 0, failures_total: 6 });
  });

  it('ends a trial that nobody asks anything of', () => {
    const { upstream, clock } = createUpstream(['a', 'b'], UNPROBED);
    failTimes(() => upstream.acquire(ANY), 'a', 5);
    clock.advanceTo(20_000);
    expect(upstream.snapshot.status).toBe('ok');
  });

  it('keeps slot, counters and health of backends that stay, and forgets those that leave', () => {
    const { upstream, clock, probe } = createUpstream(['a', 'b', 'd']);
    upstream.start();
    clock.advanceTo(2_000);
    failTimes(() => upstream.acquire(ANY), 'a', 5);
    const before = upstream.report().backends[0];
    upstream.setBackends([simulatedBackend('a', 2), simulatedBackend('d'), simulatedBackend('c')]);
    const [a, , c] = upstream.report().backends;
    expect(a).toMatchObject({ status: 'ejected', weight: 2, requests_total: before?.requests_total });
    expect(c).toMatchObject({ id: 'c', status: 'starting', requests_total: 0 });
    expect(upstream.backend('b')).toBeNull();
    expect(probe.forgotten).toEqual(['b']);
  });

  it('keeps an operator’s weight over a reload that leaves the file’s alone', () => {
    const { upstream } = createUpstream(['a'], UNPROBED);
    expect(upstream.setWeight('a', 5, 'ops')).toBe(true);
    upstream.setBackends([simulatedBackend('a')]);
    expect(upstream.report().backends[0]).toMatchObject({ weight: 5, effective_weight: 5 });
    upstream.setBackends([simulatedBackend('a', 2)]);
    expect(upstream.report().backends[0]).toMatchObject({ weight: 2, effective_weight: 2 });
  });

  it('answers no for backends it does not have', () => {
    const { upstream } = createUpstream(['a'], UNPROBED);
    expect(upstream.setIntent('x', 'draining', 'ops')).toBe(false);
    expect(upstream.setWeight('x', 1, 'ops')).toBe(false);
    expect(upstream.backend('x')).toBeNull();
  });

  it('replaces its snapshot only for a change, with the next version', () => {
    const { upstream } = createUpstream(['a', 'b'], UNPROBED);
    const first = upstream.snapshot;
    upstream.acquire(ANY)?.end('ok', 1, '');
    expect(upstream.snapshot).toBe(first);
    upstream.setIntent('a', 'draining', 'ops');
    expect(upstream.snapshot.version).toBe(first.version + 1);
    expect(first.candidates).toHaveLength(2);
  });

  it('goes on serving the last pool when a listener throws, and says so', () => {
    const { upstream, faults } = createUpstream(['a', 'b'], UNPROBED, {
      onTransition: () => {
        throw new Error('listener');
      },
    });
    upstream.setIntent('a', 'disabled', 'ops');
    expect(faults).toHaveLength(1);
    expect(upstream.acquire(ANY)?.backend.id).toBe('b');
  });

  it('shows evidence with wall-clock times, and why', () => {
    const { upstream, clock, probe } = createUpstream(['a', 'b']);
    probe.failing.add('b');
    upstream.start();
    clock.advanceTo(4_000);
    expect(upstream.backend('b')).toMatchObject({
      status: 'down',
      since: expect.stringMatching(/^2026-01-01T00:00:0[23]\.\d{3}Z$/),
      evidence: {
        probe: { verdict: 'down', last: { ok: false, status: 500, latency_ms: 1, detail: '500' } },
        outcomes: { verdict: 'none', window: { requests: 0, failures: 0 }, ejections: 0, ejected_until: null },
        admin: { intent: 'enabled', by: null, since: null },
      },
    });
    expect(upstream.backend('b')?.why).toMatch(/^down for .*: 3 probes failed in a row, last: 500\. probe: down/);
  });

  it('stops its timers and probes', () => {
    const { upstream, clock, probe, transitions } = createUpstream(['a', 'b']);
    upstream.start();
    clock.advanceTo(1_500);
    failTimes(() => upstream.acquire(ANY), 'a', 5);
    upstream.stop();
    const before = [probe.runs.length, transitions.length];
    clock.advanceTo(120_000);
    expect([probe.runs.length, transitions.length]).toEqual(before);
  });
});
