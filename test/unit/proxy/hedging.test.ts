import { describe, expect, it } from 'vitest';
import { Hedging } from '../../../src/proxy/hedging.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';

class Slow {
  awaitsHead = true;
  hedgedAtMs: number[] = [];
  /** The budget is empty for requests that are not overdue. */
  isDenied = false;
  asked: boolean[] = [];
  private readonly clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  hedge(isOverdue: boolean): boolean {
    this.asked.push(isOverdue);
    if (this.isDenied && !isOverdue) return false;
    this.hedgedAtMs.push(this.clock.now());
    return true;
  }
}

describe('after a fixed time', () => {
  const after = { kind: 'fixed', ms: 50 } as const;

  it('asks for a second attempt, once', () => {
    const clock = new VirtualClock();
    const hedging = new Hedging({ after, budget: 0.05 }, clock);
    const startMs = clock.now();
    const request = new Slow(clock);
    hedging.watch(request, startMs);
    clock.advanceTo(startMs + 1_000);
    expect(request.hedgedAtMs).toEqual([startMs + 50]);
  });

  it('leaves those alone that have their answer', () => {
    const clock = new VirtualClock();
    const hedging = new Hedging({ after, budget: 0.05 }, clock);
    const startMs = clock.now();
    const fast = new Slow(clock);
    const slow = new Slow(clock);
    hedging.watch(fast, startMs);
    clock.advanceTo(startMs + 10);
    hedging.watch(slow, startMs + 10);
    fast.awaitsHead = false;
    clock.advanceTo(startMs + 1_000);
    expect(fast.hedgedAtMs).toEqual([]);
    expect(slow.hedgedAtMs).toEqual([startMs + 60]);
  });

  it('asks again for one that was denied, and says when it is overdue', () => {
    const clock = new VirtualClock();
    const hedging = new Hedging({ after, budget: 0.05 }, clock);
    const startMs = clock.now();
    const stuck = new Slow(clock);
    stuck.isDenied = true;
    hedging.watch(stuck, startMs);
    clock.advanceTo(startMs + 1_000);
    expect(stuck.asked).toEqual([false, false, true]);
    expect(stuck.hedgedAtMs).toEqual([startMs + 150]);
  });

  it('spends a share of the requests, and a little besides', () => {
    const clock = new VirtualClock();
    const hedging = new Hedging({ after, budget: 0.1 }, clock);
    const nowMs = clock.now();
    for (let n = 0; n < 100; n++) hedging.watch(new Slow(clock), nowMs);
    let granted = 0;
    for (let n = 0; n < 100; n++) if (hedging.withdraw(nowMs)) granted++;
    expect(granted).toBe(20); // a tenth of 100, and one a second over ten seconds
  });
});

describe('after a quantile', () => {
  const after = { kind: 'quantile', share: 0.95 } as const;

  it('hedges nothing until it knows what is slow', () => {
    const clock = new VirtualClock();
    const hedging = new Hedging({ after, budget: 0.05 }, clock);
    const request = new Slow(clock);
    hedging.watch(request, clock.now());
    clock.advanceTo(clock.now() + 10_000);
    expect(request.hedgedAtMs).toEqual([]);
  });

  it('learns from the answers, and follows them', () => {
    const clock = new VirtualClock();
    const hedging = new Hedging({ after, budget: 0.05 }, clock);
    for (let n = 1; n <= 100; n++) hedging.learn(n, clock.now());
    const first = new Slow(clock);
    const firstMs = clock.now();
    hedging.watch(first, firstMs);
    clock.advanceTo(firstMs + 60_000);
    expect(first.hedgedAtMs[0]).toBeGreaterThan(firstMs + 90);
    expect(first.hedgedAtMs[0]).toBeLessThan(firstMs + 100);
    for (let n = 1; n <= 100; n++) hedging.learn(n * 10, clock.now());
    const second = new Slow(clock);
    const secondMs = clock.now();
    hedging.watch(second, secondMs);
    clock.advanceTo(secondMs + 60_000);
    expect(second.hedgedAtMs[0]).toBeGreaterThan(secondMs + 900);
  });
});
