/** What reaches an upstream from beyond its probes and outcomes, and what it says about it. */

import { describe, expect, it, vi } from 'vitest';
import { StallWatch } from '../../../src/control/stall-watch.ts';
import type { Upstream } from '../../../src/control/upstream.ts';
import type { Heartbeat } from '../../../src/model/heartbeat.ts';
import type { AnswerHint, Lease } from '../../../src/model/lease.ts';
import { HEALTH, HEARTBEAT, PROBE } from '../../../src/sim/settings.ts';
import type { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { ANY, createUpstream } from './fixtures.ts';

const UNPROBED = { health: { ...HEALTH, probe: null } };
const NO_HINT: AnswerHint = { status: 200, loadReport: '', loadReportBin: '', drain: false, retryAfter: '' };

let seq = 0;

function heartbeat(overrides: Partial<Heartbeat> = {}): Heartbeat {
  seq += 1;
  const said = { status: 'up', version: '1.4.2', role: null, load: null, inFlight: null } as const;
  return { boot: 'boot-1', seq, ...said, ...overrides };
}

function beatUntil(upstream: Upstream, clock: VirtualClock, backend: string, untilMs: number): void {
  while (clock.now() < untilMs) {
    upstream.heartbeat(backend, heartbeat());
    clock.advanceTo(Math.min(untilMs, clock.now() + HEARTBEAT.intervalMs));
  }
}

function leaseOn(upstream: Upstream, backend: string): Lease {
  for (let n = 0; n < 100; n++) {
    const lease = upstream.acquire(ANY);
    if (lease?.backend.id === backend) return lease;
    lease?.end('ok', 1, '');
  }
  throw new Error(`no lease on ${backend}`);
}

function weightOf(upstream: Upstream, backend: string): number | undefined {
  return upstream.report().backends.find(({ id }) => id === backend)?.effective_weight;
}

describe('heartbeats', () => {
  it('are answered with how we see the sender', () => {
    const { upstream } = createUpstream(['a', 'b'], UNPROBED);
    leaseOn(upstream, 'a');
    expect(upstream.heartbeat('a', heartbeat())).toMatchObject({
      state: 'up',
      effectiveWeight: 1,
      inFlight: 1,
      nextInMs: 2_000,
      commands: [],
    });
    expect(upstream.heartbeat('nobody', heartbeat())).toBeNull();
  });

  it('bring an operator’s wish to drain to the sender', () => {
    const { upstream } = createUpstream(['a', 'b'], UNPROBED);
    upstream.setIntent('a', 'draining', 'ops');
    expect(upstream.heartbeat('a', heartbeat())).toMatchObject({ state: 'draining', commands: ['drain'] });
  });

  it('show in the evidence with boot, sequence, lease and refusals', () => {
    const { upstream, clock } = createUpstream(['a', 'b'], UNPROBED);
    upstream.heartbeat('a', heartbeat({ seq: 17 }));
    upstream.rejectHeartbeat('a', 'replayed');
    upstream.rejectHeartbeat('nobody', 'replayed');
    clock.advanceTo(800);
    expect(upstream.backend('a')?.evidence.heartbeat).toEqual({
      verdict: 'alive',
      phi: expect.closeTo(0.004, 1),
      boot: 'boot-1',
      seq: 17,
      lease_remaining_ms: 5_200,
      rejected_total: 1,
    });
    expect(upstream.backend('b')?.evidence.heartbeat).toMatchObject({ verdict: 'unknown', boot: null });
    expect(upstream.backend('a')?.version).toBe('1.4.2');
    expect(upstream.backend('a')?.why).toContain('heartbeat: alive, silent for 800 ms');
  });

  it('by their absence lower the weight by the upstream’s own timer, and have the backend probed at once', () => {
    const { upstream, clock, probe, transitions } = createUpstream(['a', 'b']);
    upstream.start();
    clock.advanceTo(1_000);
    beatUntil(upstream, clock, 'a', 9_000);
    const suspected = () => transitions.find(({ to }) => to === 'suspect');
    while (suspected() === undefined) clock.advanceTo(clock.now() + 50);
    expect(suspected()).toMatchObject({ backend: 'a', source: 'heartbeat' });
    expect(weightOf(upstream, 'a')).toBe(0.25);
    clock.advanceTo(clock.now() + 10);
    const lastProbeMs = probe.instantsOf('a').at(-1) as number;
    expect(clock.now() - lastProbeMs).toBeLessThanOrEqual(1_000);
  });

  it('and traffic together make probes rare', () => {
    const { upstream, clock, probe } = createUpstream(['a']);
    upstream.start();
    for (let n = 0; n < 100; n++) {
      clock.advanceTo(n * 1_000);
      if (n % 2 === 0) upstream.heartbeat('a', heartbeat());
      upstream.acquire(ANY)?.end('ok', 1, '');
    }
    expect(probe.runs.length).toBeLessThan(9);
  });

  it('without traffic do not: a sender may be well while its server is not', () => {
    const { upstream, clock, probe } = createUpstream(['a']);
    upstream.start();
    beatUntil(upstream, clock, 'a', 100_000);
    expect(probe.runs.length).toBeGreaterThanOrEqual(19);
  });
});

describe('what an answer says besides', () => {
  it('is a load report, which shows in the evidence and moves the weight once the blackout is over', () => {
    const { upstream, clock } = createUpstream(['a', 'b', 'c'], UNPROBED);
    upstream.start();
    for (const [backend, cpu] of [
      ['a', 0.9],
      ['b', 0.3],
      ['c', 0.3],
    ] as const) {
      const lease = leaseOn(upstream, backend);
      lease.hint({ ...NO_HINT, loadReport: `TEXT cpu_utilization=${cpu},named_metrics.queue=7` });
      lease.end('ok', 1, '');
    }
    clock.advanceTo(20_000);
    const detail = upstream.backend('a');
    expect(detail?.evidence.load).toMatchObject({
      utilization: 0.9,
      report: { cpu_utilization: 0.9, named_metrics: { queue: 7 } },
      source: 'response',
      age_ms: 20_000,
      factor: expect.closeTo(1 / 3, 3),
      rejected_total: 0,
    });
    expect(detail).toMatchObject({ load: { utilization: 0.9, source: 'response' } });
    expect(detail?.effective_weight).toBeCloseTo(1 / 3, 3);
    expect(detail?.why).toContain('load: 90 % reported by a response 20 s ago, weight x 0.33');
  });

  it('is counted and forgotten when it is malformed', () => {
    const { upstream } = createUpstream(['a'], UNPROBED);
    const lease = leaseOn(upstream, 'a');
    lease.hint({ ...NO_HINT, loadReport: 'TEXT cpu_utilization=NaN' });
    lease.end('ok', 1, '');
    expect(upstream.backend('a')?.evidence.load).toMatchObject({ utilization: null, factor: 1, rejected_total: 1 });
    expect(upstream.backend('a')).toMatchObject({ status: 'up', load: null });
  });

  it('is not even read where reports are switched off', () => {
    const { upstream } = createUpstream(['a'], { health: { ...HEALTH, probe: null, load: null } });
    leaseOn(upstream, 'a').hint({ ...NO_HINT, loadReport: 'TEXT cpu_utilization=0.5' });
    expect(upstream.backend('a')?.evidence.load).toMatchObject({ utilization: null, rejected_total: 0 });
  });

  it('is that the backend drains', () => {
    const { upstream, transitions } = createUpstream(['a', 'b'], UNPROBED);
    const lease = leaseOn(upstream, 'a');
    lease.hint({ ...NO_HINT, drain: true });
    lease.end('ok', 1, '');
    expect(transitions.map(({ backend, to, source }) => [backend, to, source])).toEqual([
      ['a', 'draining', 'outcomes'],
    ]);
    for (let n = 0; n < 20; n++) {
      const next = upstream.acquire(ANY);
      expect(next?.backend.id).toBe('b');
      next?.end('ok', 1, '');
    }
  });

  it('is for how long a busy backend wants less', () => {
    const { upstream, clock } = createUpstream(['a', 'b'], UNPROBED);
    const lease = leaseOn(upstream, 'a');
    lease.hint({ ...NO_HINT, status: 429, retryAfter: '7' });
    lease.end('http_429', 1, '');
    expect(weightOf(upstream, 'a')).toBe(0.1);
    expect(upstream.backend('a')?.why).toContain('asked for less (retry-after): 10 % of its weight for 7 s');
    clock.advanceTo(6_999);
    expect(weightOf(upstream, 'a')).toBe(0.1);
    clock.advanceTo(7_000);
    expect(weightOf(upstream, 'a')).toBe(1);
  });

  it('is no wish for less where retry-after means another thing', () => {
    const { upstream } = createUpstream(['a'], UNPROBED);
    leaseOn(upstream, 'a').hint({ ...NO_HINT, status: 301, retryAfter: '7' });
    expect(weightOf(upstream, 'a')).toBe(1);
  });

  it('says nothing any more once the lease has ended', () => {
    const { upstream, transitions } = createUpstream(['a', 'b'], UNPROBED);
    const lease = leaseOn(upstream, 'a');
    lease.end('ok', 1, '');
    lease.hint({ ...NO_HINT, drain: true });
    expect(transitions).toEqual([]);
  });
});

describe('our own stall', () => {
  function createWatched(settings: Parameters<typeof createUpstream>[1] = {}) {
    const late: { watch: StallWatch | null } = { watch: null };
    const self = {
      get stretch() {
        return late.watch?.stretch ?? 1;
      },
      check: () => late.watch?.check(),
    };
    const created = createUpstream(['a', 'b'], settings, { self });
    late.watch = new StallWatch(created.clock, (stalledMs) => created.upstream.recordStall(stalledMs));
    late.watch.start();
    created.upstream.start();
    return { ...created, watch: late.watch };
  }

  it('makes nobody’s timeout a failure, whichever timer fires first after it', () => {
    const { upstream, clock, transitions } = createWatched(UNPROBED);
    clock.advanceTo(1_000);
    const leases = Array.from({ length: 20 }, () => upstream.acquire(ANY));
    const startedMs = clock.now();
    clock.standStill(5_000);
    for (const lease of leases) lease?.end('timeout', clock.now() - startedMs, 'no answer in time');
    expect(transitions).toEqual([]);
    expect(upstream.backend('a')?.evidence.outcomes.window.failures).toBe(0);
    clock.advanceTo(clock.now() + 10);
    for (let n = 0; n < 20; n++) upstream.acquire(ANY)?.end('reset', 1, '');
    expect(transitions).not.toEqual([]);
  });

  it('voids the probes in flight, and stretches the time-outs of the next', () => {
    const { clock, probe, transitions } = createWatched({ health: { ...HEALTH, probe: { ...PROBE, fall: 1 } } });
    clock.advanceTo(4_000);
    const before = transitions.length;
    probe.latencyMs = 3_000;
    probe.failing.add('a').add('b');
    while (probe.runs.length < 4) clock.advanceTo(clock.now() + 10);
    clock.standStill(3_000);
    clock.advanceTo(clock.now());
    expect(transitions.slice(before)).toEqual([]);
    probe.failing.clear();
    clock.advanceTo(clock.now() + 8_000);
    expect(Math.max(...probe.timeouts)).toBeGreaterThan(PROBE.timeoutMs);
  });

  it('gives heartbeats the time back in which we could not hear them', () => {
    const { upstream, clock, transitions } = createWatched(UNPROBED);
    beatUntil(upstream, clock, 'a', 10_000);
    clock.standStill(60_000);
    clock.advanceTo(clock.now() + 1_000);
    expect(transitions).toEqual([]);
    expect(upstream.backend('a')?.evidence.heartbeat.verdict).toBe('alive');
    clock.advanceTo(clock.now() + 10_000);
    expect(transitions[0]).toMatchObject({ backend: 'a', to: 'suspect', source: 'heartbeat' });
  });
});

describe('a jump of the wall clock', () => {
  /** What becomes of a pool while the wall clock is set by so much, twice. */
  function live(jumpMs: number) {
    const { upstream, clock, probe, transitions } = createUpstream(['a', 'b', 'c']);
    const wall = vi.spyOn(clock, 'wall');
    const watch = new StallWatch(clock, (stalledMs) => upstream.recordStall(stalledMs));
    watch.start();
    upstream.start();
    for (let n = 0; n < 60; n++) {
      if (n === 20) wall.mockReturnValue(jumpMs);
      if (n === 40) wall.mockReturnValue(-jumpMs);
      if (n === 45) probe.failing.add('b');
      clock.advanceTo(n * 1_000);
      if (n % 2 === 0 && n < 50) upstream.heartbeat('a', { ...heartbeat(), seq: n });
      const lease = upstream.acquire(ANY);
      if (n % 7 === 0) lease?.hint({ ...NO_HINT, status: 429, retryAfter: '3' });
      lease?.end(n > 50 ? 'timeout' : 'ok', 1, '');
    }
    return { transitions, views: upstream.views, probes: probe.runs, awareness: watch.awareness.score };
  }

  it.each([3_600_000, 31_536_000_000, -31_536_000_000])('by %d ms changes nothing', (jumpMs) => {
    const jumped = live(jumpMs);
    expect(jumped).toEqual(live(0));
    expect(jumped.transitions.length).toBeGreaterThan(5);
  });
});

describe('the whole picture', () => {
  it('traces a backend’s status to what every source said', () => {
    const { upstream, clock, probe } = createUpstream(['a', 'b', 'c', 'd']);
    upstream.start();
    clock.advanceTo(2_000);
    upstream.heartbeat('a', heartbeat());
    const lease = leaseOn(upstream, 'a');
    lease.hint({ ...NO_HINT, loadReport: 'TEXT cpu_utilization=0.4' });
    lease.end('ok', 3, '');
    for (let n = 0; n < 5; n++) leaseOn(upstream, 'a').end('reset', 2, 'read ECONNRESET');
    probe.failing.add('a');
    upstream.setWeight('a', 3, '127.0.0.1');
    clock.advanceTo(4_000);
    const { evidence, why, status, reason } = upstream.backend('a') ?? {};
    expect(status).toBe('ejected');
    expect(reason).toBe('5 failures in a row, last: read ECONNRESET; ejected for 10 s (pool 3/4, budget 50 %)');
    expect(evidence).toMatchObject({
      probe: { verdict: 'up', consecutive: { passes: 0 } },
      heartbeat: { verdict: 'alive', boot: 'boot-1' },
      outcomes: { verdict: 'ejected', consecutive_failures: 5, ejections: 1, window: { failures: 5 } },
      load: { utilization: 0.4, source: 'response' },
      admin: { intent: 'enabled' },
    });
    for (const sentence of [
      'ejected for 2 s: 5 failures in a row',
      'operator: weight 3 instead of 1',
      /probe: up for .* failed.* 500; down after 3 failures in a row; next probe in /,
      /heartbeat: alive, silent for 2 s, usually 2 s ± .* lease ends in 4 s/,
      /outcomes: ejected .*; on trial in 8 s, 5 of 6 requests failed in 10 s/,
      'load: 40 % reported by a response 2 s ago',
    ]) {
      expect(why).toMatch(sentence);
    }
  });
});
