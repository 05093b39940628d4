import { describe, expect, it } from 'vitest';
import { explainPressure, MemoryPressure, PRESSURE } from '../../../src/proxy/memory-pressure.ts';

const LIMIT = 0.95;

describe('MemoryPressure', () => {
  it.each([
    [0.5, PRESSURE.none],
    [0.919, PRESSURE.none],
    [0.921, PRESSURE.connectionsEnd],
    [0.949, PRESSURE.connectionsEnd],
    [0.951, PRESSURE.noRequests],
    [0.969, PRESSURE.noRequests],
    [0.971, PRESSURE.noConnections],
    [1.5, PRESSURE.noConnections],
  ])('at %d of what may be used the level is %d [F67]', (share, level) => {
    const memory = new MemoryPressure();
    expect(memory.observe(share, LIMIT, 0)).toBe(level !== PRESSURE.none);
    expect(memory.level).toBe(level);
  });

  it('takes hold at once, and lets go when memory has sufficed for five seconds', () => {
    const memory = new MemoryPressure();
    memory.observe(0.93, LIMIT, 0);
    memory.observe(0.98, LIMIT, 100);
    expect(memory.level).toBe(PRESSURE.noConnections);
    // A collection, and full again.
    expect(memory.observe(0.5, LIMIT, 200)).toBe(false);
    expect(memory.observe(0.98, LIMIT, 300)).toBe(false);
    expect(memory.observe(0.5, LIMIT, 5_200)).toBe(false);
    expect(memory.level).toBe(PRESSURE.noConnections);
    expect(memory.observe(0.5, LIMIT, 5_300)).toBe(true);
    expect(memory.level).toBe(PRESSURE.none);
  });

  it('does nothing without a limit, and ends when the limit is taken away', () => {
    const memory = new MemoryPressure();
    expect(memory.observe(1, null, 0)).toBe(false);
    memory.observe(1, LIMIT, 0);
    expect(memory.observe(1, null, 10_000)).toBe(true);
    expect(memory.level).toBe(PRESSURE.none);
  });
});

it('says at each level what is done', () => {
  const sentences = Object.values(PRESSURE).map(explainPressure);
  expect(new Set(sentences).size).toBe(sentences.length);
});
