/** Ten thousand sessions over a drain and a death, and a restarted backend's share on its way back: in virtual time, with the real parts. */

import { describe, expect, it } from 'vitest';
import type { Upstream } from '../../../src/control/upstream.ts';
import { slowStartFactor } from '../../../src/health/slow-start.ts';
import { StickySessions } from '../../../src/proxy/sticky-cookie.ts';
import { HEALTH, simulatedBackend, simulatedUpstream } from '../../../src/sim/settings.ts';
import { ANY, createUpstream, FAIL, PASS } from './fixtures.ts';

const IDS = ['a', 'b', 'c', 'd'];
const STICKY = { cookie: 'pulsegate', ttlMs: 3_600_000, secret: 'a secret of the test' };

/** One request of a client; returns who answered and the cookie that the client then has. */
function visit(upstream: Upstream, sessions: StickySessions, cookie: string, nowMs: number) {
  const lease = upstream.acquire({ ...ANY, pinned: sessions.slotOf(cookie, nowMs) });
  const id = lease?.backend.id ?? null;
  lease?.end('ok', 1, '');
  const given = id === null ? null : sessions.answerCookie(cookie, id, nowMs, false);
  return { id, given, cookie: given?.split(';')[0] ?? cookie };
}

describe('ten thousand sessions', () => {
  function start() {
    const settings = { ...simulatedUpstream(IDS.map((id) => simulatedBackend(id))), sticky: STICKY };
    const { upstream } = createUpstream(IDS, {}, { settings });
    for (const id of IDS) for (let n = 0; n < 2; n++) upstream.recordProbe(id, PASS);
    const sessions = new StickySessions(STICKY, upstream);
    const clients = Array.from({ length: 10_000 }, () => visit(upstream, sessions, '', 1_000));
    return { upstream, sessions, clients };
  }

  it('stay where they are while one backend drains, and its own as well', () => {
    const { upstream, sessions, clients } = start();
    expect(new Set(clients.map(({ id }) => id))).toEqual(new Set(IDS));
    upstream.setIntent('a', 'draining', 'ops');
    for (const { id, cookie } of clients) {
      expect(visit(upstream, sessions, cookie, 2_000)).toEqual({ id, given: null, cookie });
    }
    const fresh = Array.from({ length: 1_000 }, () => visit(upstream, sessions, '', 2_000).id);
    expect(fresh).not.toContain('a');
  });

  it('move once when their backend dies, and those of others never notice', () => {
    const { upstream, sessions, clients } = start();
    for (let n = 0; n < 3; n++) upstream.recordProbe('a', FAIL);
    for (const { id, cookie } of clients) {
      const next = visit(upstream, sessions, cookie, 2_000);
      expect(next.id).not.toBe('a');
      if (id !== 'a') expect(next).toEqual({ id, given: null, cookie });
      else
        expect(visit(upstream, sessions, next.cookie, 3_000)).toEqual({
          id: next.id,
          given: null,
          cookie: next.cookie,
        });
    }
  });
});

describe('a restarted backend', () => {
  it('gets the share that the ramp says, at every moment of it', () => {
    const slowStart = { windowMs: 30_000, minWeight: 0.1, aggression: 1 };
    const settings = {
      ...simulatedUpstream(IDS.map((id) => simulatedBackend(id))),
      balance: 'weighted_round_robin' as const,
      health: { ...HEALTH, slowStart },
    };
    const { upstream, clock, probe } = createUpstream(IDS, {}, { settings });
    upstream.start();
    clock.advanceTo(60_000);
    probe.failing.add('a');
    clock.advanceTo(120_000);
    expect(upstream.backend('a')?.status).toBe('down');
    probe.failing.clear();
    const ask = () => {
      const lease = upstream.acquire(ANY);
      lease?.end('ok', 1, '');
      return lease?.backend.id;
    };
    let backMs = 0;
    while (upstream.backend('a')?.status !== 'up') {
      clock.advanceTo(clock.now() + 100);
      for (let n = 0; n < 8; n++) ask();
      backMs = clock.now();
    }
    for (const afterMs of [100, 6_000, 15_000, 24_000, 31_000]) {
      clock.advanceTo(backMs + afterMs);
      const asked = Array.from({ length: 4_000 }, ask);
      const share = asked.filter((id) => id === 'a').length / asked.length;
      // The weight moves in steps, and so may be one behind.
      const factors = [afterMs - slowStart.windowMs / 20, afterMs].map((at) =>
        slowStartFactor(Math.max(0, at), slowStart),
      );
      const [least = 0, most = 1] = factors.map((factor) => factor / (factor + 3));
      expect(share, `${afterMs} ms after its return`).toBeGreaterThan(least - 0.015);
      expect(share, `${afterMs} ms after its return`).toBeLessThan(most + 0.015);
    }
    upstream.stop();
  });
});
