/** What an upstream makes of roles, priorities, zones and sessions, over time. */

import { describe, expect, it } from 'vitest';
import type { Upstream } from '../../../src/control/upstream.ts';
import type { Heartbeat } from '../../../src/model/heartbeat.ts';
import type { UpstreamSettings } from '../../../src/model/settings.ts';
import { HEALTH, HEARTBEAT, simulatedBackend, simulatedUpstream } from '../../../src/sim/settings.ts';
import { ANY, createUpstream, FAIL, PASS } from './fixtures.ts';

const UNPROBED = { ...HEALTH, probe: null };
const STICKY = { cookie: 'pulsegate', ttlMs: 3_600_000, secret: null };

let seq = 0;

function heartbeat(role: string | null): Heartbeat {
  seq += 1;
  return { boot: 'boot', seq, status: 'up', version: null, role, load: null, inFlight: null };
}

function create(ids: readonly string[], settings: Partial<UpstreamSettings>) {
  const whole = { ...simulatedUpstream(ids.map((id) => simulatedBackend(id))), ...settings };
  return createUpstream(ids, {}, { settings: whole });
}

/** Where so many requests go, by id; null where there is none. */
function served(upstream: Upstream, pinned = -1): (string | null)[] {
  return Array.from({ length: 30 }, () => {
    const lease = upstream.acquire({ ...ANY, pinned });
    lease?.end('ok', 1, '');
    return lease?.backend.id ?? null;
  });
}

function whoServes(upstream: Upstream, pinned = -1): (string | null)[] {
  return [...new Set(served(upstream, pinned))].sort();
}

describe('a required role', () => {
  it('leads requests to whoever says that it has it, from the next request on', () => {
    const { upstream } = create(['a', 'b'], { requireRole: 'primary', health: UNPROBED });
    expect(whoServes(upstream)).toEqual([null]);
    upstream.heartbeat('a', heartbeat('primary'));
    upstream.heartbeat('b', heartbeat('replica'));
    expect(whoServes(upstream)).toEqual(['a']);
    upstream.heartbeat('a', heartbeat('replica'));
    expect(whoServes(upstream)).toEqual([null]);
    upstream.heartbeat('b', heartbeat('primary'));
    expect(whoServes(upstream)).toEqual(['b']);
  });

  it('wakes requests that wait for it', () => {
    const { upstream } = create(['a'], { requireRole: 'primary', health: UNPROBED });
    let wakes = 0;
    upstream.onRoom = () => {
      wakes += 1;
    };
    upstream.heartbeat('a', heartbeat('replica'));
    expect(wakes).toBe(0);
    upstream.heartbeat('a', heartbeat('primary'));
    expect(wakes).toBeGreaterThan(0);
  });

  it('is not taken on the word of a sender that has fallen silent', () => {
    const { upstream, clock } = create(['a', 'b'], { requireRole: 'primary' });
    upstream.start();
    clock.advanceTo(10_000);
    const beatMs = clock.now();
    upstream.heartbeat('a', heartbeat('primary'));
    // Suspect by now, and suspect it stays while probes pass: the end of the lease is no transition.
    clock.advanceTo(beatMs + HEARTBEAT.leaseMs - 1);
    expect(upstream.backend('a')?.status).toBe('suspect');
    expect(whoServes(upstream)).toEqual(['a']);
    clock.advanceTo(beatMs + HEARTBEAT.leaseMs + 1);
    expect(upstream.backend('a')?.status).toBe('suspect');
    expect(whoServes(upstream)).toEqual([null]);
    upstream.stop();
  });

  it('stands in why of those who lack it', () => {
    const { upstream } = create(['a'], { requireRole: 'primary', health: UNPROBED });
    upstream.heartbeat('a', heartbeat('replica'));
    expect(upstream.backend('a')?.why).toContain('role: its heartbeats say replica, and only primary is used.');
    expect(upstream.backend('a')?.available).toBe(false);
  });

  it('changes nothing where none is required', () => {
    const { upstream } = create(['a'], { health: UNPROBED });
    const { version } = upstream.snapshot;
    upstream.heartbeat('a', heartbeat('primary'));
    expect(upstream.snapshot.version).toBe(version);
  });
});

describe('the sessions of a draining backend', () => {
  function slotOf(upstream: Upstream, id: string): number {
    return upstream.snapshot.entries.find(({ backend }) => backend.id === id)?.backend.slot as number;
  }

  function createDraining(settings: Partial<UpstreamSettings> = {}) {
    const world = create(['a', 'b'], { sticky: STICKY, ...settings });
    for (const id of ['a', 'b']) for (let n = 0; n < 2; n++) world.upstream.recordProbe(id, PASS);
    world.upstream.setIntent('a', 'draining', 'ops');
    return { ...world, pinned: slotOf(world.upstream, 'a') };
  }

  it('stay, and nobody else comes', () => {
    const { upstream, pinned } = createDraining();
    expect(whoServes(upstream, pinned)).toEqual(['a']);
    expect(whoServes(upstream)).toEqual(['b']);
    expect(upstream.backend('a')?.why).toContain('sessions: those that it has stay');
  });

  it('leave when it dies, by probes', () => {
    const { upstream, pinned } = createDraining();
    for (let n = 0; n < 3; n++) upstream.recordProbe('a', FAIL);
    expect(whoServes(upstream, pinned)).toEqual(['b']);
  });

  it('leave when it dies, by their own failures, and stay gone', () => {
    const { upstream, pinned } = createDraining();
    for (let n = 0; n < 5; n++) upstream.acquire({ ...ANY, pinned })?.end('connect_refused', 1, 'ECONNREFUSED');
    expect(whoServes(upstream, pinned)).toEqual(['b']);
  });

  it('leave when its heartbeats end, where they are required', () => {
    const health = { ...UNPROBED, heartbeat: { ...HEARTBEAT, required: true } };
    const { upstream, clock } = create(['a', 'b'], { sticky: STICKY, health });
    upstream.start();
    for (const id of ['a', 'b']) upstream.heartbeat(id, heartbeat(null));
    upstream.setIntent('a', 'draining', 'ops');
    const pinned = slotOf(upstream, 'a');
    clock.advanceTo(HEARTBEAT.leaseMs - 1);
    expect(whoServes(upstream, pinned)).toEqual(['a']);
    clock.advanceTo(HEARTBEAT.leaseMs + 1);
    expect(whoServes(upstream, pinned)).toEqual(['b']);
    upstream.stop();
  });

  it('leave at once when an operator disables it', () => {
    const { upstream, pinned } = createDraining();
    upstream.setIntent('a', 'disabled', 'ops');
    expect(whoServes(upstream, pinned)).toEqual(['b']);
  });

  it('stay too when the backend itself says that it drains', () => {
    const { upstream } = create(['a', 'b'], { sticky: STICKY });
    for (const id of ['a', 'b']) for (let n = 0; n < 2; n++) upstream.recordProbe(id, PASS);
    upstream.recordProbe('a', { ...PASS, draining: true });
    const pinned = slotOf(upstream, 'a');
    expect(upstream.backend('a')?.status).toBe('draining');
    expect(whoServes(upstream, pinned)).toEqual(['a']);
    expect(whoServes(upstream)).toEqual(['b']);
  });

  it('are nobody’s where sessions are not kept', () => {
    const { upstream, pinned } = createDraining({ sticky: null });
    expect(whoServes(upstream, pinned)).toEqual(['b']);
  });
});

describe('priorities', () => {
  it('fail over and come back with the probes', () => {
    const backends = [simulatedBackend('a'), { ...simulatedBackend('b'), priority: 1 }];
    const { upstream } = createUpstream(['a', 'b'], {}, { settings: simulatedUpstream(backends) });
    for (const id of ['a', 'b']) for (let n = 0; n < 2; n++) upstream.recordProbe(id, PASS);
    expect(whoServes(upstream)).toEqual(['a']);
    for (let n = 0; n < 3; n++) upstream.recordProbe('a', FAIL);
    expect(whoServes(upstream)).toEqual(['b']);
    for (let n = 0; n < 2; n++) upstream.recordProbe('a', PASS);
    served(upstream);
    expect(whoServes(upstream)).toEqual(['a']);
    expect(upstream.backend('b')?.why).toContain('priority 1: takes what others have no room for.');
  });
});
