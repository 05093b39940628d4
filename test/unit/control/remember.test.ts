import { describe, expect, it } from 'vitest';
import { encodeState, rememberUpstream } from '../../../src/control/state-file.ts';
import { HEALTH, simulatedBackend } from '../../../src/sim/settings.ts';
import { createUpstream } from './fixtures.ts';

const LAST = { health: { ...HEALTH, initialState: 'last' } } as const;

describe('what an upstream remembers over a restart', () => {
  it('is what probes have decided, and how long ago', () => {
    const { upstream, clock, probe } = createUpstream(['a', 'b', 'c']);
    expect(rememberUpstream(upstream, clock.now())).toEqual({ name: 'simulated', backends: [] });
    probe.failing.add('b');
    upstream.start();
    clock.advanceTo(20_000);
    const { backends } = rememberUpstream(upstream, clock.now());
    expect(backends.map(({ id, url, verdict }) => [id, url, verdict])).toEqual([
      ['a', simulatedBackend('a').url, 'up'],
      ['b', simulatedBackend('b').url, 'down'],
      ['c', simulatedBackend('c').url, 'up'],
    ]);
    expect(backends[0]?.ageMs).toBe(19_999);
  });

  it('is taken up by the next one, and kept although no probe has spoken', () => {
    const memories = new Map([
      ['a', { verdict: 'up', ageMs: 1_000 } as const],
      ['b', { verdict: 'down', ageMs: 2_000 } as const],
    ]);
    const { upstream, clock, transitions } = createUpstream(['a', 'b', 'c'], LAST);
    upstream.recall(memories);
    expect(transitions.map(({ backend, from, to }) => [backend, from, to])).toEqual([
      ['a', 'starting', 'up'],
      ['b', 'starting', 'down'],
    ]);
    expect(upstream.snapshot.candidates.map(({ backend }) => backend.id)).toEqual(['a']);
    clock.advanceTo(500);
    expect(rememberUpstream(upstream, clock.now()).backends).toMatchObject([
      { id: 'a', verdict: 'up', ageMs: 1_500 },
      { id: 'b', verdict: 'down', ageMs: 2_500 },
    ]);
    expect(() => encodeState([rememberUpstream(upstream, clock.now())], clock.wall())).not.toThrow();
  });
});
