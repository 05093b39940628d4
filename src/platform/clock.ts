/** The machine's clocks and timers, behind `Clock`. The only place that reads them. */

import type { Clock, Timer } from '../base/time.ts';

/** setTimeout counts in a signed 32-bit integer; longer waits are taken in steps. */
const LONGEST_TIMEOUT_MS = 0x7fffffff;

class SystemTimer implements Timer {
  private readonly atMs: number;
  private readonly fn: () => void;
  private handle: NodeJS.Timeout;

  constructor(atMs: number, fn: () => void) {
    this.atMs = atMs;
    this.fn = fn;
    this.handle = this.arm();
  }

  cancel(): void {
    clearTimeout(this.handle);
  }

  private arm(): NodeJS.Timeout {
    const waitMs = Math.ceil(this.atMs - performance.now());
    return setTimeout(() => this.fire(), Math.min(Math.max(waitMs, 0), LONGEST_TIMEOUT_MS));
  }

  /** Timers may fire up to a millisecond early; `Clock.at` promises never to. */
  private fire(): void {
    if (performance.now() < this.atMs) this.handle = this.arm();
    else this.fn();
  }
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  at: (atMs, fn) => new SystemTimer(atMs, fn),
};
