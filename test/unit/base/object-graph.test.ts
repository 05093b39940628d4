import { describe, expect, it } from 'vitest';
import { restoreGraph, type SavedGraph, saveGraph } from '../../../src/base/object-graph.ts';

class Counter {
  count = 1;
  private readonly step: number;

  constructor(step: number) {
    this.step = step;
  }

  next(): number {
    this.count += this.step;
    return this.count;
  }
}

/** By way of a file. */
function roundTrip<T extends object>(root: T): T {
  const saved = JSON.parse(JSON.stringify(saveGraph(root, [Counter]))) as SavedGraph;
  return restoreGraph(saved, [Counter]) as T;
}

describe('an object graph', () => {
  it('comes back with what JSON alone would lose', () => {
    const graph = {
      numbers: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, -0, 0.1],
      absent: undefined,
      nothing: null,
      text: '{"ref":0}',
      map: new Map<string, unknown>([
        ['a', { deep: [true] }],
        ['b', new Map()],
      ]),
      counts: Uint32Array.of(0, 7, 0, 4_294_967_295),
      times: Float64Array.of(0, Number.NEGATIVE_INFINITY, 0.5),
    };
    expect(roundTrip(graph)).toStrictEqual(graph);
  });

  it('keeps classes, with their methods and private fields', () => {
    const counter = roundTrip({ counter: new Counter(5) }).counter;
    expect(counter).toBeInstanceOf(Counter);
    expect(counter.next()).toBe(6);
  });

  it('keeps references to the same object, in circles too', () => {
    const shared = { value: 1 };
    const root: { one: object; other: object; self?: object } = { one: shared, other: shared };
    root.self = root;
    const restored = roundTrip(root);
    expect(restored.one).toBe(restored.other);
    expect(restored.self).toBe(restored);
  });

  it('is a copy: neither side changes the other', () => {
    const root = { counts: Uint32Array.of(1) };
    const restored = roundTrip(root);
    root.counts[0] = 9;
    expect(restored.counts[0]).toBe(1);
  });

  it('leaves out fields by name', () => {
    const saved = saveGraph({ kept: { secret: 1, other: 2 } }, [], new Set(['secret']));
    expect(restoreGraph(saved, [])).toEqual({ kept: { other: 2 } });
  });

  it.each([
    ['a function', { fn: () => {} }],
    ['an unknown class', { date: new Date(0) }],
    ['a symbol', { symbol: Symbol('x') }],
  ])('refuses %s', (_, root) => {
    expect(() => saveGraph(root, [Counter])).toThrow(TypeError);
  });

  it('refuses to restore a class that it does not know, and nothing at all', () => {
    expect(() => restoreGraph(saveGraph(new Counter(1), [Counter]), [])).toThrow('unknown class Counter');
    expect(() => restoreGraph({ nodes: [] }, [])).toThrow('without nodes');
  });
});
