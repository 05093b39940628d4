/** A very large pool is not settled with every change: what changes in a burst is settled together, soon after. */

import { expect, test } from 'vitest';
import { HealthEngine } from '../../../src/health/engine.ts';
import type { Signal } from '../../../src/model/signal.ts';
import { HEALTH, simulatedBackend } from '../../../src/sim/settings.ts';

const SIZE = 2_000;
/** A hundredth of a millisecond for each backend. */
const REST_MS = 20;

function createEngine(size: number): HealthEngine {
  const backends = Array.from({ length: size }, (_, n) => simulatedBackend(`b${n}`));
  return new HealthEngine({ ...HEALTH, initialState: 'probe' }, backends, 0);
}

function pass(backend: string, at: number): Signal {
  return { kind: 'probe', at, backend, ok: true, status: 200, latencyMs: 1, detail: '200 OK', refused: false };
}

test('a burst of changes is settled at once when the pool has rested, each change told exactly once', () => {
  const engine = createEngine(SIZE);
  expect(engine.step(pass('b0', 1_000)).map(({ backend }) => backend)).toEqual(['b0']);
  const version = engine.version;
  for (let n = 1; n < SIZE; n++) {
    const at = 1_000 + (n / SIZE) * REST_MS;
    expect(engine.step(pass(`b${n}`, at))).toEqual([]);
    expect(engine.nextDeadline()).toBe(1_000 + REST_MS);
  }
  expect(engine.version).toBe(version);
  const transitions = engine.step({ kind: 'tick', at: engine.nextDeadline() });
  expect(transitions.map(({ backend, to }) => `${backend} ${to}`)).toEqual(
    Array.from({ length: SIZE - 1 }, (_, n) => `b${n + 1} up`),
  );
  expect(engine.version).toBe(version + 1);
  expect(engine.views().every(({ status }) => status === 'up')).toBe(true);
});

test('an order of an operator does not wait', () => {
  const engine = createEngine(SIZE);
  engine.step(pass('b0', 1_000));
  engine.step(pass('b1', 1_001));
  const order = { kind: 'intent', at: 1_002, backend: 'b2', intent: 'draining', by: 'somebody' } as const;
  expect(engine.step(order).map(({ backend, to }) => `${backend} ${to}`)).toEqual(['b1 up', 'b2 draining']);
});

test('a pool that is small enough to be recorded is settled with every change', () => {
  const engine = createEngine(500);
  for (let n = 0; n < 500; n++) expect(engine.step(pass(`b${n}`, 1_000))).toHaveLength(1);
});
