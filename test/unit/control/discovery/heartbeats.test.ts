import { describe, expect, test } from 'vitest';
import { createRng } from '../../../../src/base/rng.ts';
import { HeartbeatDiscovery } from '../../../../src/control/discovery/heartbeats.ts';
import type { BackendSpec } from '../../../../src/model/backend.ts';
import type { BackendAddress } from '../../../../src/model/backend-url.ts';
import { parseBackendUrl } from '../../../../src/model/backend-url.ts';
import type { Announcement, Heartbeat, HeartbeatTarget } from '../../../../src/model/heartbeat.ts';
import { VirtualClock } from '../../../../src/sim/virtual-clock.ts';

const LEASE_MS = 6_000;

const log = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

function createDoor() {
  const clock = new VirtualClock();
  const sets: (readonly BackendSpec[])[] = [];
  const members = new Set<string>(['configured']);
  const heard: string[] = [];
  const discovery = new HeartbeatDiscovery({
    upstream: 'app',
    clock,
    rng: createRng('door'),
    log: log as never,
    files: null as never,
    readList: () => ({ ok: true, backends: [] }),
    leaseMs: LEASE_MS,
    onFound: (backends) => {
      sets.push(backends);
      for (const { id } of backends) members.add(id);
    },
  });
  void discovery.start();
  const target: HeartbeatTarget = {
    heartbeat: (id) => {
      if (!members.has(id)) return null;
      heard.push(id);
      return { state: 'up', effectiveWeight: 1, inFlight: 0, nextInMs: 2_000, why: '', commands: [] };
    },
    rejectHeartbeat: () => {},
  };
  return { clock, sets, heard, door: discovery.welcome(target) };
}

function beat(seq: number, status: Heartbeat['status'] = 'up'): Heartbeat {
  return { boot: 'b', seq, status, version: null, role: null, load: null, inFlight: null };
}

function at(url: string, weight: number | null = null): Announcement {
  return { address: parseBackendUrl(url) as BackendAddress, weight };
}

describe('backends that announce themselves', () => {
  test('join within a moment, all who came together in one set', () => {
    const { clock, sets, door } = createDoor();
    for (let i = 0; i < 500; i++) {
      expect(door.heartbeat(`n${i}`, beat(1), at(`http://10.0.0.1:${3_000 + i}`, 2))?.state).toBe('starting');
    }
    clock.advanceTo(clock.now() + 50);
    expect(sets).toHaveLength(1);
    expect(sets[0]).toHaveLength(500);
    expect(sets[0]?.[0]).toMatchObject({ id: 'n0', url: 'http://10.0.0.1:3000', weight: 2, tls: false });
    expect(door.heartbeat('n0', beat(2), at('http://10.0.0.1:3000', 2))?.state).toBe('up');
    clock.advanceTo(clock.now() + 1_000);
    expect(sets).toHaveLength(1);
  });

  test('are unknown when they do not say where they are, have no sound name, or are down', () => {
    const { clock, sets, door } = createDoor();
    expect(door.heartbeat('x', beat(1), null)).toBeNull();
    expect(door.heartbeat('a b', beat(1), at('http://10.0.0.1:1'))).toBeNull();
    expect(door.heartbeat('y', beat(1, 'down'), at('http://10.0.0.1:1'))).toBeNull();
    expect(door.heartbeat('configured', beat(1), null)?.state).toBe('up');
    clock.advanceTo(clock.now() + 1_000);
    expect(sets).toEqual([]);
  });

  test('may move and take another weight', () => {
    const { clock, sets, door } = createDoor();
    door.heartbeat('a', beat(1), at('http://10.0.0.1:3000'));
    clock.advanceTo(clock.now() + 50);
    door.heartbeat('a', beat(2), at('http://10.0.0.2:3000', 3));
    clock.advanceTo(clock.now() + 50);
    expect(sets.map(([spec]) => [spec?.url, spec?.weight])).toEqual([
      ['http://10.0.0.1:3000', 1],
      ['http://10.0.0.2:3000', 3],
    ]);
  });

  test('leave after ten leases of silence, not before', () => {
    const { clock, sets, door } = createDoor();
    door.heartbeat('a', beat(1), at('http://10.0.0.1:3000'));
    door.heartbeat('b', beat(1), at('http://10.0.0.2:3000'));
    for (let second = 0; second < 60; second += 2) {
      clock.advanceTo(clock.now() + 2_000);
      door.heartbeat('b', beat(second + 2), at('http://10.0.0.2:3000'));
    }
    expect(sets.at(-1)).toHaveLength(2);
    for (let second = 60; second < 72; second += 2) {
      clock.advanceTo(clock.now() + 2_000);
      door.heartbeat('b', beat(second + 2), null);
    }
    expect(sets.at(-1)?.map(({ id }) => id)).toEqual(['b']);
  });

  test('are bounded in number', () => {
    const { clock, sets, door } = createDoor();
    for (let i = 0; i < 10_000; i++) door.heartbeat(`n${i}`, beat(1), at('http://10.0.0.1:3000'));
    expect(door.heartbeat('one-too-many', beat(1), at('http://10.0.0.1:3000'))).toBeNull();
    clock.advanceTo(clock.now() + 50);
    expect(sets.at(-1)).toHaveLength(10_000);
  });
});
