import { describe, expect, it } from 'vitest';
import { HealthEngine } from '../../../src/health/engine.ts';
import { why } from '../../../src/health/explain.ts';
import type { Memory } from '../../../src/model/memory.ts';
import type { ProbeSignal } from '../../../src/model/signal.ts';
import type { Transition } from '../../../src/model/transition.ts';
import { HEALTH, simulatedBackend } from '../../../src/sim/settings.ts';

const START_MS = 1_000;
const BACKENDS = ['a', 'b', 'c'].map((id) => simulatedBackend(id));
const SETTINGS = { ...HEALTH, initialState: 'last' } as const;

const UP: Memory = { verdict: 'up', ageMs: 0 };
const ALL_UP = { a: UP, b: UP, c: UP };

function createEngine(memories: Readonly<Record<string, Memory>>): HealthEngine {
  const engine = new HealthEngine(SETTINGS, BACKENDS, START_MS);
  for (const [backend, memory] of Object.entries(memories)) {
    engine.step({ kind: 'memory', at: START_MS, backend, ...memory });
  }
  return engine;
}

function probe(engine: HealthEngine, backend: string, ok: boolean, at: number): string[] {
  const detail = ok ? '200 OK' : '500 Internal Server Error';
  const signal: ProbeSignal = { kind: 'probe', at, backend, ok, status: null, latencyMs: 1, detail, refused: false };
  return engine.step(signal).map(({ from, to, reason }: Transition) => `${from} -> ${to}: ${reason}`);
}

function statuses(engine: HealthEngine): string[] {
  return engine.views().map(({ status }) => status);
}

describe('a pool that begins as it was left', () => {
  it('takes each backend for what it was, and those it does not know for new', () => {
    const engine = createEngine({ a: { verdict: 'up', ageMs: 60_000 }, b: { verdict: 'down', ageMs: 400 } });
    expect(statuses(engine)).toEqual(['up', 'down', 'starting']);
    expect(engine.record('a')?.probe.sinceMs).toBe(START_MS - 60_000);
    expect(engine.views()[0]?.reason).toBe('up before the restart, on probation until a probe decides');
    const record = engine.record('b');
    expect(record && why(record, 500, SETTINGS, START_MS)).toContain(
      'probe: down for 400 ms, down before the restart, on probation until a probe decides; next probe in 500 ms',
    );
  });

  it('takes a backend down for its first failed probe', () => {
    const engine = createEngine(ALL_UP);
    expect(probe(engine, 'a', false, 2_000)).toEqual(['up -> down: a probe failed: 500 Internal Server Error']);
  });

  it('gives a backend the usual patience once a probe has confirmed it', () => {
    const engine = createEngine(ALL_UP);
    expect(probe(engine, 'a', true, 2_000)).toEqual([]);
    expect(probe(engine, 'a', false, 3_000)).toEqual([]);
    expect(probe(engine, 'a', false, 4_000)).toEqual([]);
    expect(probe(engine, 'a', false, 5_000)).toEqual([
      'up -> down: 3 probes failed in a row, last: 500 Internal Server Error',
    ]);
  });

  it('brings a backend back on trial for its first passed probe', () => {
    const engine = createEngine({ a: UP, b: { verdict: 'down', ageMs: 0 } });
    expect(probe(engine, 'b', true, 2_000)).toEqual([
      'down -> trial: a probe passed: 200 OK: on trial with one request at a time',
    ]);
  });

  it('removes nobody when everybody fails on probation: then we are to suspect', () => {
    const engine = createEngine(ALL_UP);
    for (const [index, { id }] of BACKENDS.entries()) probe(engine, id, false, 2_000 + index);
    expect(statuses(engine)).toEqual(['suspect', 'suspect', 'suspect']);
  });

  it('has no memory of a backend that joins later', () => {
    const engine = createEngine({ a: UP });
    engine.step({ kind: 'membership', at: 2_000, backends: BACKENDS.slice(1) });
    engine.step({ kind: 'membership', at: 3_000, backends: BACKENDS });
    expect(statuses(engine)).toEqual(['starting', 'starting', 'starting']);
  });

  it('does not let memory overrule a probe', () => {
    const engine = createEngine({});
    probe(engine, 'a', true, 2_000);
    expect(engine.step({ kind: 'memory', at: 3_000, backend: 'a', verdict: 'down', ageMs: 0 })).toEqual([]);
    expect(statuses(engine)[0]).toBe('up');
  });

  it('begins at full weight', () => {
    const engine = createEngine(ALL_UP);
    expect(engine.views().map(({ factor }) => factor)).toEqual([1, 1, 1]);
  });

  it('asks again soon', () => {
    const engine = createEngine({ a: UP });
    expect(engine.record('a')?.isDoubtful).toBe(true);
  });
});
