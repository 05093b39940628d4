/** What holds for the machine's clock and for the virtual one: the promises of `Clock`. */

import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/time.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { VirtualClock } from '../../src/sim/virtual-clock.ts';

interface Case {
  readonly name: string;
  readonly clock: Clock;
  /** Lets this much time pass. */
  pass(ms: number): Promise<void>;
}

const virtual = new VirtualClock();

const CASES: readonly Case[] = [
  { name: 'the system clock', clock: systemClock, pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) },
  { name: 'the virtual clock', clock: virtual, pass: async (ms) => virtual.advanceTo(virtual.now() + ms) },
];

describe.each(CASES)('$name', ({ clock, pass }) => {
  it('never goes back', async () => {
    let last = clock.now();
    for (let n = 0; n < 20; n++) {
      await pass(1);
      expect(clock.now()).toBeGreaterThanOrEqual(last);
      last = clock.now();
    }
  });

  it('tells wall-clock time that advances with it', async () => {
    const offset = clock.wall() - clock.now();
    await pass(30);
    expect(Math.abs(clock.wall() - clock.now() - offset)).toBeLessThan(1_000);
  });

  it('fires once, never early', async () => {
    const dueMs = clock.now() + 20.5;
    const fired: number[] = [];
    clock.at(dueMs, () => fired.push(clock.now()));
    await pass(120);
    expect(fired).toHaveLength(1);
    expect(fired[0]).toBeGreaterThanOrEqual(dueMs);
  });

  it('fires what is already due soon, but not within the call', async () => {
    let fired = false;
    clock.at(clock.now() - 1_000, () => {
      fired = true;
    });
    expect(fired).toBe(false);
    await pass(50);
    expect(fired).toBe(true);
  });

  it('does not fire what was cancelled, and takes a late cancel without complaint', async () => {
    let fired = 0;
    const cancelled = clock.at(clock.now() + 5, () => {
      fired += 1;
    });
    cancelled.cancel();
    cancelled.cancel();
    const late = clock.at(clock.now() + 5, () => {
      fired += 10;
    });
    await pass(80);
    late.cancel();
    expect(fired).toBe(10);
  });

  it('lets a timer arm another', async () => {
    const order: string[] = [];
    clock.at(clock.now() + 5, () => {
      order.push('first');
      clock.at(clock.now(), () => order.push('second'));
    });
    await pass(100);
    expect(order).toEqual(['first', 'second']);
  });
});
