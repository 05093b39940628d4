/** A reload of the configuration: what is known of the backends outlives the settings by which it was learnt. */

import { describe, expect, it } from 'vitest';
import { HealthEngine } from '../../../src/health/engine.ts';
import type { OutcomeClass } from '../../../src/model/outcome.ts';
import type { HealthSettings } from '../../../src/model/settings.ts';
import type { Signal } from '../../../src/model/signal.ts';
import { HEALTH, simulatedBackend } from '../../../src/sim/settings.ts';

const BACKENDS = ['a', 'b', 'c', 'd'].map((id) => simulatedBackend(id));
const PROBE = HEALTH.probe as NonNullable<HealthSettings['probe']>;
const OUTLIERS = HEALTH.outliers as NonNullable<HealthSettings['outliers']>;

function probe(engine: HealthEngine, backend: string, ok: boolean, at: number): void {
  engine.step({ kind: 'probe', at, backend, ok, status: ok ? 200 : 500, latencyMs: 1, detail: '', refused: false });
}

function outcome(engine: HealthEngine, backend: string, outcomeClass: OutcomeClass, at: number): void {
  const epoch = engine.record(backend)?.epoch ?? 0;
  engine.step({ kind: 'outcome', at, backend, outcome: outcomeClass, epoch, latencyMs: 1, detail: '' });
}

function configure(engine: HealthEngine, settings: Partial<HealthSettings>, at: number, backends = BACKENDS): void {
  engine.configure({ ...HEALTH, ...settings }, at);
  const membership: Signal = { kind: 'membership', at, backends };
  engine.step(membership);
}

function statuses(engine: HealthEngine): string[] {
  return engine.views().map(({ status }) => status);
}

/** a and d up, b down by probes, c ejected by traffic. */
function engineAt10s(): HealthEngine {
  const engine = new HealthEngine(HEALTH, BACKENDS, 0);
  for (const { id } of BACKENDS) probe(engine, id, true, 100);
  for (let n = 1; n <= 3; n++) probe(engine, 'b', false, n * 1_000);
  for (let n = 1; n <= 5; n++) outcome(engine, 'c', 'reset', 8_000 + n);
  expect(statuses(engine)).toEqual(['up', 'down', 'ejected', 'up']);
  return engine;
}

describe('other settings', () => {
  it('leave every verdict as it was', () => {
    const engine = engineAt10s();
    configure(
      engine,
      { probe: { ...PROBE, intervalMs: 60_000, fall: 9 }, outliers: { ...OUTLIERS, consecutive: 50 }, slowStart: null },
      10_000,
    );
    expect(statuses(engine)).toEqual(['up', 'down', 'ejected', 'up']);
  });

  it('count from then on', () => {
    const engine = engineAt10s();
    configure(engine, { probe: { ...PROBE, fall: 1 } }, 10_000);
    probe(engine, 'a', false, 11_000);
    expect(engine.views()[0]?.status).not.toBe('up');
  });

  it('that take a source away take its veto away, too', () => {
    const engine = engineAt10s();
    configure(engine, { probe: null }, 10_000);
    expect(statuses(engine)).toEqual(['up', 'trial', 'ejected', 'up']);
    configure(engine, { probe: null, outliers: null }, 11_000);
    expect(engine.views()[2]?.status).toBe('up');
  });

  it('that bring a source take nobody out before it has spoken', () => {
    const engine = new HealthEngine({ ...HEALTH, probe: null, outliers: null }, BACKENDS, 0);
    configure(engine, {}, 1_000);
    expect(statuses(engine)).toEqual(['up', 'up', 'up', 'up']);
  });

  it('keep what operators have said', () => {
    const engine = engineAt10s();
    engine.step({ kind: 'intent', at: 9_000, backend: 'a', intent: 'draining', by: 'test' });
    engine.step({ kind: 'weight', at: 9_000, backend: 'b', weight: 7, by: 'test' });
    configure(engine, { panic: { threshold: 0, mode: 'fail' } }, 10_000);
    expect(engine.views()[0]?.status).toBe('draining');
    expect(engine.views()[1]?.baseWeight).toBe(7);
  });

  it('know a backend that moved for another server', () => {
    const engine = engineAt10s();
    const moved = BACKENDS.map((spec) => (spec.id === 'b' ? { ...spec, port: 99, url: 'http://127.0.0.9:99' } : spec));
    configure(engine, {}, 10_000, moved);
    expect(statuses(engine)).toEqual(['up', 'starting', 'ejected', 'up']);
  });
});

describe('probes that ask something else', () => {
  const WRONG = { ...PROBE, path: '/nowhere' } as NonNullable<HealthSettings['probe']>;

  /** All four up; c was down before, by the old probes. */
  function engine(): HealthEngine {
    const made = new HealthEngine(HEALTH, BACKENDS, 0);
    for (const { id } of BACKENDS) probe(made, id, true, 100);
    for (let n = 1; n <= 3; n++) probe(made, 'c', false, n * 1_000);
    expect(statuses(made)).toEqual(['up', 'up', 'down', 'up']);
    return made;
  }

  /** Rounds in which every backend fails but those that are named. */
  function rounds(made: HealthEngine, from: number, passing: readonly string[] = []): void {
    for (let n = 0; n < 12; n++) {
      for (const { id } of BACKENDS) probe(made, id, passing.includes(id), from + n * 1_000);
      // Traffic goes well all the time: it is the probe that is wrong.
      outcome(made, 'a', 'ok', from + n * 1_000 + 500);
    }
  }

  it('take nobody out who served, however long all of them fail, and free nobody who did not', () => {
    const made = engine();
    configure(made, { probe: WRONG }, 10_000);
    expect(made.probesOnTrialSinceMs).toBe(10_000);
    rounds(made, 11_000);
    expect(statuses(made)).toEqual(['suspect', 'suspect', 'down', 'suspect']);
    expect(made.record('a')?.reason).toContain('too few backends pass it');
    expect(made.views()[0]?.held).toBe(true);
  });

  it('are believed once more backends have passed than a mistake of ours could spare', () => {
    const made = engine();
    configure(made, { probe: WRONG, budget: { maxRemoved: 1, minAvailable: 0 } }, 10_000);
    rounds(made, 11_000, ['a']);
    expect(made.probesOnTrialSinceMs).toBe(10_000);
    expect(statuses(made)[1]).toBe('suspect');
    rounds(made, 30_000, ['a', 'b']);
    expect(made.probesOnTrialSinceMs).toBe(null);
    expect(statuses(made)).toEqual(['up', 'up', 'down', 'down']);
  });

  it('are on trial no more when the next reload asks as before, and an operator is obeyed meanwhile', () => {
    const made = engine();
    configure(made, { probe: WRONG }, 10_000);
    rounds(made, 11_000);
    made.step({ kind: 'intent', at: 25_000, backend: 'a', intent: 'disabled', by: 'test' });
    expect(statuses(made)[0]).toBe('disabled');
    configure(made, {}, 26_000);
    for (const id of ['b', 'd']) for (let n = 1; n <= 3; n++) probe(made, id, true, 26_000 + n * 1_000);
    expect(statuses(made)).toEqual(['disabled', 'up', 'down', 'up']);
    expect(made.probesOnTrialSinceMs).toBe(null);
  });

  it('yield to traffic that is refused, too', () => {
    const made = engine();
    configure(made, { probe: WRONG }, 10_000);
    for (let n = 1; n <= 3; n++) {
      outcome(made, 'b', 'connect_refused', 10_500 + n * 1_000);
      made.step({
        ...{ kind: 'probe', at: 11_000 + n * 1_000, backend: 'b', ok: false, status: null, latencyMs: 1 },
        ...{ detail: 'refused', refused: true },
      });
    }
    expect(statuses(made)[1]).toBe('down');
  });

  it('are the same question when only their schedule changes', () => {
    const made = engine();
    configure(made, { probe: { ...PROBE, intervalMs: 60_000, fall: 9, rise: 4 } }, 10_000);
    expect(made.probesOnTrialSinceMs).toBe(null);
  });
});
