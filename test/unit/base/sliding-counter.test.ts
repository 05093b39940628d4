import { describe, expect, it } from 'vitest';
import { SlidingCounter } from '../../../src/base/sliding-counter.ts';

describe('SlidingCounter', () => {
  it('counts what happened within its length and forgets the rest bucket by bucket', () => {
    const counter = new SlidingCounter(10_000);
    counter.add(0);
    counter.add(500);
    counter.add(5_000);
    expect(counter.count(9_999)).toBe(3);
    expect(counter.count(10_000)).toBe(1);
    expect(counter.count(14_999)).toBe(1);
    expect(counter.count(15_000)).toBe(0);
  });

  it('counts an event of the past with those of its time', () => {
    const counter = new SlidingCounter(10_000);
    counter.add(5_000);
    counter.addLate(1_000);
    expect(counter.count(10_999)).toBe(2);
    expect(counter.count(11_000)).toBe(1);
    counter.addLate(1_500);
    expect(counter.count(11_000)).toBe(1);
    counter.addLate(12_000);
    expect(counter.count(12_000)).toBe(2);
    expect(counter.count(22_000)).toBe(0);
  });

  it('is empty after an idle gap of any number of lengths', () => {
    for (const gapMs of [10_000, 15_000, 20_000, 1e9]) {
      const counter = new SlidingCounter(10_000);
      for (let n = 0; n < 100; n++) counter.add(3_000 + n);
      expect(counter.count(4_000 + gapMs), `after ${gapMs} ms`).toBe(0);
      counter.add(4_000 + gapMs);
      expect(counter.count(4_000 + gapMs)).toBe(1);
    }
  });

  it('agrees with a list of instants, to one bucket', () => {
    const counter = new SlidingCounter(1_000);
    const instants: number[] = [];
    for (let at = 0, n = 0; n < 2_000; n++) {
      at += (n * 7919) % 83;
      counter.add(at);
      instants.push(at);
      const within = (ms: number) => instants.filter((instant) => instant > at - ms).length;
      expect(counter.count(at)).toBeLessThanOrEqual(within(1_000.001));
      expect(counter.count(at)).toBeGreaterThanOrEqual(within(900));
    }
  });
});
