import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { Prober } from '../../../src/control/prober.ts';
import { PROBE, simulatedBackend } from '../../../src/sim/settings.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { ScriptedProbe } from './fixtures.ts';

function createProber(count: number) {
  const clock = new VirtualClock();
  const probe = new ScriptedProbe(clock);
  const doubtful = new Set<string>();
  const vouchedFor = new Set<string>();
  const stretch = { factor: 1 };
  const results: string[] = [];
  const prober = new Prober({
    settings: PROBE,
    clock,
    rng: createRng('prober'),
    probe,
    onResult: (backend) => results.push(backend),
    stretch: () => stretch.factor,
    paceOf: (backend) => (doubtful.has(backend) ? 'fast' : vouchedFor.has(backend) ? 'slow' : 'usual'),
  });
  const backends = Array.from({ length: count }, (_, slot) => ({ ...simulatedBackend(`b${slot}`), slot }));
  prober.setBackends(backends);
  return { prober, probe, clock, doubtful, vouchedFor, stretch, results, backends };
}

function gaps(instants: readonly number[]): number[] {
  return instants.slice(1).map((at, index) => at - (instants[index] as number));
}

describe('Prober', () => {
  it('spreads the first probes over the fast interval, the first at once', () => {
    const { probe, clock } = createProber(10);
    clock.advanceTo(PROBE.fastIntervalMs);
    expect(probe.runs.map(({ at }) => at)).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
  });

  it('waits an interval, each time varied by the jitter', () => {
    const { probe, clock } = createProber(1);
    clock.advanceTo(100_000);
    const waits = gaps(probe.instantsOf('b0'));
    for (const wait of waits) expect(Math.abs(wait - PROBE.intervalMs)).toBeLessThanOrEqual(500);
    expect(new Set(waits).size).toBe(waits.length);
  });

  it('probes at the fast interval while there is doubt', () => {
    const { probe, clock, doubtful } = createProber(1);
    doubtful.add('b0');
    clock.advanceTo(10_000);
    for (const wait of gaps(probe.instantsOf('b0'))) {
      expect(Math.abs(wait - PROBE.fastIntervalMs)).toBeLessThanOrEqual(100);
    }
  });

  it('never has two probes of one backend under way, however slow', () => {
    const { probe, prober, clock, doubtful } = createProber(1);
    probe.latencyMs = 1_900;
    doubtful.add('b0');
    for (let at = 0; at < 20_000; at += 50) {
      clock.advanceTo(at);
      prober.hurry('b0');
    }
    for (const wait of gaps(probe.instantsOf('b0'))) expect(wait).toBeGreaterThanOrEqual(1_900);
  });

  it('hurries at once when the last probe is older than the fast interval', () => {
    const { probe, prober, clock } = createProber(1);
    clock.advanceTo(2_000);
    prober.hurry('b0');
    clock.advanceTo(2_000);
    expect(probe.instantsOf('b0')).toEqual([0, 2_000]);
  });

  it('hurries no faster than the fast interval, whatever traffic meets', () => {
    const { probe, prober, clock } = createProber(1);
    for (let at = 100; at <= 10_000; at += 10) {
      clock.advanceTo(at);
      prober.hurry('b0');
    }
    const instants = probe.instantsOf('b0');
    expect(instants.length).toBeGreaterThan(8);
    for (const wait of gaps(instants)) expect(wait).toBeGreaterThanOrEqual(PROBE.fastIntervalMs);
  });

  it('says when the next probe is due', () => {
    const { probe, prober, clock } = createProber(1);
    expect(prober.nextInMs('b0')).toBe(0);
    clock.advanceTo(1_000);
    const inMs = prober.nextInMs('b0') as number;
    clock.advanceTo(1_000 + inMs - 1);
    expect(probe.runs).toHaveLength(1);
    clock.advanceTo(1_000 + inMs);
    expect(probe.runs).toHaveLength(2);
    expect(prober.nextInMs('x')).toBeNull();
  });

  it('drops the result of a backend that has left', () => {
    const { probe, prober, clock, results, backends } = createProber(2);
    probe.latencyMs = 500;
    clock.advanceTo(100);
    prober.setBackends(backends.slice(1));
    clock.advanceTo(30_000);
    expect(results).not.toContain('b0');
    expect(probe.instantsOf('b0')).toHaveLength(1);
    expect(results.length).toBeGreaterThan(4);
  });

  it('lets go of what was kept for an address that a reload has changed, before the next probe', () => {
    const { probe, prober, clock, backends } = createProber(2);
    clock.advanceTo(1_000);
    prober.setBackends(backends.map((backend) => (backend.id === 'b0' ? { ...backend, port: 81 } : backend)));
    expect(probe.forgotten).toEqual([]);
    clock.advanceTo(8_000);
    expect(probe.forgotten).toEqual(['b0']);
  });

  it('keeps two thousand probes a second over ten thousand backends in their order', () => {
    const { probe, clock } = createProber(10_000);
    clock.advanceTo(11_000);
    expect(probe.runs.length).toBeGreaterThan(27_000);
    expect(probe.runs.length).toBeLessThan(33_000);
    const counts = new Map<number, number>();
    for (const { at } of probe.runs.slice(10_000, 20_000)) {
      const tenth = Math.floor(at / 100);
      counts.set(tenth, (counts.get(tenth) ?? 0) + 1);
    }
    expect(Math.max(...counts.values())).toBeLessThan(1_500);
  });

  it('doubles the interval up to four times while others vouch for a backend', () => {
    const { probe, clock, vouchedFor } = createProber(1);
    vouchedFor.add('b0');
    clock.advanceTo(100_000);
    const waits = gaps(probe.instantsOf('b0')).map((wait) => wait / PROBE.intervalMs);
    expect(waits[0]).toBeGreaterThan(1.7);
    expect(waits[0]).toBeLessThan(2.3);
    for (const wait of waits.slice(1)) {
      expect(wait).toBeGreaterThan(3.5);
      expect(wait).toBeLessThan(4.5);
    }
  });

  it('snaps back at the first doubt, and stretches anew from the start', () => {
    const { prober, probe, clock, vouchedFor } = createProber(1);
    vouchedFor.add('b0');
    clock.advanceTo(60_000);
    const before = probe.runs.length;
    clock.advanceTo((probe.instantsOf('b0').at(-1) as number) + PROBE.fastIntervalMs);
    prober.hurry('b0');
    clock.advanceTo(clock.now() + 10);
    expect(probe.runs.length).toBe(before + 1);
    clock.advanceTo(clock.now() + 2.3 * PROBE.intervalMs);
    expect(probe.runs.length).toBe(before + 2);
  });

  it('waits longer for answers while we run late ourselves', () => {
    const { probe, clock, stretch } = createProber(1);
    clock.advanceTo(1);
    stretch.factor = 4;
    clock.advanceTo(6_000);
    expect(probe.timeouts).toEqual([PROBE.timeoutMs, 4 * PROBE.timeoutMs]);
  });
});
