/**
 * Time that stands still until it is told to move. Timers fire in the order of their instants, and in the order of arming where
 * these are equal, so a run is the same every time. Keeps the promises of `Clock` (test/contract).
 */

import { MinHeap } from '../base/min-heap.ts';
import type { Clock, Timer } from '../base/time.ts';

/** The wall-clock time of virtual instant 0: 2026-01-01. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

class VirtualTimer implements Timer {
  readonly atMs: number;
  readonly order: number;
  private fn: (() => void) | null;

  constructor(atMs: number, order: number, fn: () => void) {
    this.atMs = atMs;
    this.order = order;
    this.fn = fn;
  }

  cancel(): void {
    this.fn = null;
  }

  fire(): void {
    const { fn } = this;
    this.fn = null;
    fn?.();
  }
}

export class VirtualClock implements Clock {
  private nowMs = 0;
  private armed = 0;
  private readonly timers = new MinHeap<VirtualTimer>(
    (a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order),
  );

  now(): number {
    return this.nowMs;
  }

  wall(): number {
    return EPOCH_MS + this.nowMs;
  }

  at(atMs: number, fn: () => void): Timer {
    const timer = new VirtualTimer(Math.max(atMs, this.nowMs), this.armed, fn);
    this.armed += 1;
    this.timers.push(timer);
    return timer;
  }

  /** Time passes and we do not run: what falls due meanwhile fires late, when time is next moved on. */
  standStill(forMs: number): void {
    this.nowMs += forMs;
  }

  /** Moves on to `toMs`, firing what falls due on the way, including what is armed meanwhile. */
  advanceTo(toMs: number): void {
    for (let next = this.timers.peek(); next !== undefined && next.atMs <= toMs; next = this.timers.peek()) {
      this.timers.pop();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.fire();
    }
    this.nowMs = Math.max(this.nowMs, toMs);
  }
}
