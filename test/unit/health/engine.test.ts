import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HealthEngine } from '../../../src/health/engine.ts';
import { why } from '../../../src/health/explain.ts';
import type { LoadReport } from '../../../src/model/load.ts';
import { OUTCOME_CLASSES, type OutcomeClass } from '../../../src/model/outcome.ts';
import type { Signal } from '../../../src/model/signal.ts';
import { HEALTH, simulatedBackend } from '../../../src/sim/settings.ts';

const BACKENDS = ['a', 'b', 'c'].map((id) => simulatedBackend(id));

function createEngine(overrides: Partial<typeof HEALTH> = {}): HealthEngine {
  return new HealthEngine({ ...HEALTH, initialState: 'up', ...overrides }, BACKENDS, 0);
}

function outcome(engine: HealthEngine, backend: string, outcomeClass: OutcomeClass, at: number, latencyMs = 1): Signal {
  const epoch = engine.record(backend)?.epoch ?? 0;
  return { kind: 'outcome', at, backend, outcome: outcomeClass, epoch, latencyMs, detail: '' };
}

function probe(backend: string, ok: boolean, at: number): Signal {
  return { kind: 'probe', at, backend, ok, status: null, latencyMs: 1, detail: ok ? '200 OK' : 'late', refused: false };
}

describe('HealthEngine', () => {
  it('comes to the same state whether a success is absorbed or stepped', () => {
    const event = fc.record({
      backend: fc.constantFrom('a', 'b', 'c'),
      outcome: fc.constantFrom<OutcomeClass>('ok', 'ok', 'reset', 'client_abort'),
      gapMs: fc.oneof(fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 0, max: 50 })),
      latencyMs: fc.constantFrom(1, 50, 400),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 150, size: 'max' }), (events) => {
        const stepping = createEngine({ probe: null });
        const absorbing = createEngine({ probe: null });
        let at = 0;
        for (const { backend, outcome: outcomeClass, gapMs, latencyMs } of events) {
          at += gapMs;
          stepping.step(outcome(stepping, backend, outcomeClass, at, latencyMs));
          const epoch = absorbing.record(backend)?.epoch ?? 0;
          const absorbed = outcomeClass === 'ok' && absorbing.absorbSuccess(backend, epoch, latencyMs, at);
          if (!absorbed) absorbing.step(outcome(absorbing, backend, outcomeClass, at, latencyMs));
        }
        expect(absorbing.views()).toEqual(stepping.views());
        expect(absorbing.nextDeadline()).toBe(stepping.nextDeadline());
        for (const { id } of BACKENDS) {
          expect(absorbing.record(id)?.outlier?.window(at)).toEqual(stepping.record(id)?.outlier?.window(at));
        }
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  it('judges every class of outcome as success, failure or nothing', () => {
    for (const outcomeClass of OUTCOME_CLASSES) {
      const engine = createEngine();
      const failed = !['ok', 'http_429', 'client_abort', 'local_error', 'unprocessed'].includes(outcomeClass);
      for (let n = 1; n <= 5; n++) engine.step(outcome(engine, 'a', outcomeClass, n));
      expect(engine.views()[0]?.status, outcomeClass).toBe(failed ? 'ejected' : 'up');
    }
  });

  it('ignores signals about backends it does not know', () => {
    const engine = createEngine();
    expect(engine.step(probe('nobody', false, 1))).toEqual([]);
    expect(engine.version).toBe(1);
  });

  it('does not judge traffic when outliers are off, and then lets a backend return without a trial', () => {
    const engine = createEngine({ outliers: null });
    for (let at = 1; at <= 20; at++) expect(engine.step(outcome(engine, 'a', 'reset', at))).toEqual([]);
    for (let at = 21; at <= 23; at++) engine.step(probe('a', false, at));
    expect(engine.views()[0]?.status).toBe('down');
    engine.step(probe('a', true, 24));
    expect(engine.step(probe('a', true, 25)).map(({ to }) => to)).toEqual(['up']);
  });

  it('gives a removal back when the pool shrinks under the budget', () => {
    const engine = new HealthEngine(
      { ...HEALTH, initialState: 'up' },
      ['a', 'b', 'c', 'd'].map((id) => simulatedBackend(id)),
      0,
    );
    for (const id of ['a', 'b']) for (let n = 0; n < 5; n++) engine.step(outcome(engine, id, 'reset', 1));
    expect(engine.views().map(({ status }) => status)).toEqual(['ejected', 'ejected', 'up', 'up']);
    engine.step({ kind: 'intent', at: 6_000, backend: 'c', intent: 'disabled', by: 'ops' });
    expect(engine.views().map(({ status }) => status)).toEqual(['ejected', 'suspect', 'disabled', 'up']);
  });

  it('keeps an ejection, and its length, over a time when an operator took the backend out', () => {
    const engine = createEngine({ probe: null });
    for (let n = 0; n < 5; n++) engine.step(outcome(engine, 'a', 'reset', 1_000));
    engine.step({ kind: 'intent', at: 2_000, backend: 'a', intent: 'draining', by: 'ops' });
    const [transition] = engine.step({ kind: 'intent', at: 3_000, backend: 'a', intent: 'enabled', by: 'ops' });
    expect(transition).toMatchObject({ from: 'draining', to: 'ejected' });
    expect(transition?.reason).toContain('ejected for 8 s');
    expect(engine.record('a')?.outlier?.ejections).toBe(1);
  });

  it('does not let a lease from before a backend left judge it after it came back', () => {
    const engine = createEngine({ probe: null });
    const old = outcome(engine, 'a', 'reset', 3);
    engine.step({ kind: 'membership', at: 1, backends: BACKENDS.slice(1) });
    engine.step({ kind: 'membership', at: 2, backends: BACKENDS });
    for (let n = 0; n < 5; n++) engine.step(old);
    expect(engine.views()[0]?.status).toBe('up');
  });
});

describe('outliers', () => {
  const ids = (size: number) => Array.from({ length: size }, (_, index) => `b${index}`);

  /** A pool that has served for three seconds, b0 in its own way. */
  function serve(size: number, b0: (n: number) => [OutcomeClass, number]): HealthEngine {
    const backends = ids(size).map((id) => simulatedBackend(id));
    const engine = new HealthEngine({ ...HEALTH, probe: null }, backends, 0);
    for (let n = 0; n < 60; n++) {
      for (const id of ids(size)) {
        if (engine.record(id)?.status === 'ejected') continue;
        const [outcomeClass, latencyMs] = id === 'b0' ? b0(n) : (['ok', 50] as const);
        engine.step(outcome(engine, id, outcomeClass, n * 50, latencyMs));
      }
    }
    return engine;
  }

  const statuses = (engine: HealthEngine) => engine.views().map(({ status }) => status);
  const others = (size: number) => new Array(size - 1).fill('up');

  it.each([2, 3, 4, 5, 7, 10, 100])('by failures in every third answer are found among %d, and alone', (size) => {
    const engine = serve(size, (n) => [n % 3 === 0 ? 'http_5xx' : 'ok', 50]);
    expect(statuses(engine)).toEqual(['ejected', ...others(size)]);
  });

  it.each([2, 3, 4, 5, 7, 10, 100])('by latency are found among %d, and get less', (size) => {
    const engine = serve(size, () => ['ok', 400]);
    expect(statuses(engine)).toEqual(['suspect', ...others(size)]);
    expect(engine.views()[0]?.factor).toBe(0.25);
  });

  it('are not made by failures that come fast, nor hidden by them', () => {
    const fast = serve(3, (n) => [n % 10 === 0 ? 'http_5xx' : 'ok', n % 10 === 0 ? 0.1 : 50]);
    expect(statuses(fast)).toEqual(['up', 'up', 'up']);
    const slow = serve(3, (n) => [n % 5 === 0 ? 'http_5xx' : 'ok', n % 5 === 0 ? 0.1 : 400]);
    expect(statuses(slow)).toEqual(['suspect', 'up', 'up']);
  });

  it('are not sought where there is nobody to compare with', () => {
    expect(statuses(serve(1, (n) => [n % 2 === 0 ? 'http_5xx' : 'ok', 400]))).toEqual(['up']);
  });

  it('cost nothing while nothing happens: a calm pool has no deadline', () => {
    expect(serve(3, () => ['ok', 50]).nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it('that stand out are looked at again without traffic, and an empty window clears them', () => {
    const engine = serve(3, () => ['ok', 400]);
    while (engine.nextDeadline() < 60_000) engine.step({ kind: 'tick', at: engine.nextDeadline() });
    expect(statuses(engine)).toEqual(['up', 'up', 'up']);
    expect(engine.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('load', () => {
  const report = (cpuUtilization: number): LoadReport => {
    const none = new Map<string, number>();
    const unreported = { memUtilization: 0, applicationUtilization: 0, namedMetrics: none, utilization: none };
    return { ...unreported, cpuUtilization, rps: 0, eps: 0 };
  };

  it('moves weights by deadlines, and a new process by its first heartbeat loses what the old one said', () => {
    const engine = createEngine({ probe: null });
    const loads = { a: 0.9, b: 0.3, c: 0.3 };
    for (const [backend, cpu] of Object.entries(loads)) {
      engine.step({ kind: 'load', at: 0, backend, source: 'probe', report: report(cpu) });
    }
    while (engine.nextDeadline() < 20_000) engine.step({ kind: 'tick', at: engine.nextDeadline() });
    expect(engine.views()[0]?.factor).toBeCloseTo(1 / 3, 5);
    const said = { status: 'up', version: null, role: null, load: null, inFlight: null } as const;
    engine.step({ kind: 'heartbeat', at: 20_000, backend: 'a', heartbeat: { ...said, boot: 'x', seq: 1 } });
    engine.step({ kind: 'heartbeat', at: 21_000, backend: 'a', heartbeat: { ...said, boot: 'y', seq: 1 } });
    for (let at = 22_000; at < 30_000; at += 1_000) {
      engine.step({ kind: 'heartbeat', at, backend: 'a', heartbeat: { ...said, boot: 'y', seq: at } });
      while (engine.nextDeadline() <= at) engine.step({ kind: 'tick', at: engine.nextDeadline() });
    }
    expect(engine.views()[0]?.factor).toBe(1);
    expect(engine.record('a')?.load?.evidence('a', 30_000).utilization).toBeNull();
  });

  it('does not project anew for reports that change nothing', () => {
    const engine = createEngine({ probe: null });
    for (let at = 0; at < 5_000; at += 10) {
      engine.step({ kind: 'load', at, backend: 'a', source: 'response', report: report(0.5) });
      if (at > 500) expect(engine.version).toBeLessThan(4);
    }
  });
});

describe('why', () => {
  it('says for each source what it knows, since when, and what brings the backend back', () => {
    const engine = createEngine({ initialState: 'probe' });
    for (const id of ['a', 'b', 'c']) engine.step(probe(id, true, 1_000));
    for (let n = 0; n < 5; n++) engine.step(outcome(engine, 'a', 'reset', 2_000));
    for (let n = 0; n < 3; n++) engine.step(probe('a', false, 4_000));
    const record = engine.record('a');
    expect(record && why(record, 700, HEALTH, 5_000)).toBe(
      'down for 1 s: 3 probes failed in a row, last: late. ' +
        'probe: down for 1 s, 3 probes failed in a row, last: late; up after 2 passes in a row (0 so far); next probe in 700 ms. ' +
        'outcomes: ejected (5 failures in a row, last: reset); on trial in 7 s, 5 of 5 requests failed in 10 s.',
    );
  });

  it('names the operator', () => {
    const engine = createEngine();
    engine.step({ kind: 'intent', at: 1_000, backend: 'a', intent: 'draining', by: '127.0.0.1' });
    const record = engine.record('a');
    expect(record && why(record, null, HEALTH, 61_000)).toContain(
      'operator: draining by 127.0.0.1 for 1 min; an enable brings it back',
    );
  });
});
