/**
 * Notices when we ourselves did not run: a ticker that compares when it fires with when it was due. What went wrong meanwhile is
 * our fault, so whoever is about to blame a backend asks here first: after a stall the event loop may run any other timer before
 * this one. Reports each stall once.
 */

import type { Clock, Timer } from '../base/time.ts';
import { Awareness } from '../health/awareness.ts';

/** What the control plane asks of it. */
export interface SelfWatch {
  /** What our own timeouts are multiplied with: 1 to 8. */
  readonly stretch: number;
  /** Looks whether a stall has just ended, and reports it before anything else is judged. */
  check(): void;
}

/** Where nobody watches, we always run. */
export const UNWATCHED: SelfWatch = { stretch: 1, check: () => {} };

const TICK_MS = 100;
/** Shorter pauses are everyday life, and shorter than any time-out or lease of note. */
const STALL_MS = 200;

export class StallWatch implements SelfWatch {
  readonly awareness = new Awareness();
  private readonly clock: Clock;
  private readonly onStall: (stalledMs: number) => void;
  private dueMs = Number.POSITIVE_INFINITY;
  private timer: Timer | null = null;

  constructor(clock: Clock, onStall: (stalledMs: number) => void) {
    this.clock = clock;
    this.onStall = onStall;
  }

  start(): void {
    this.arm();
  }

  stop(): void {
    this.timer?.cancel();
    this.dueMs = Number.POSITIVE_INFINITY;
  }

  get stretch(): number {
    return this.awareness.stretch;
  }

  check(): void {
    const latenessMs = this.clock.now() - this.dueMs;
    if (latenessMs >= STALL_MS) this.observe(latenessMs);
  }

  private arm(): void {
    this.dueMs = this.clock.now() + TICK_MS;
    this.timer = this.clock.at(this.dueMs, () => {
      this.observe(Math.max(0, this.clock.now() - this.dueMs));
      this.arm();
    });
  }

  private observe(latenessMs: number): void {
    this.awareness.observe(latenessMs);
    // From now on the ticker is in time again, whenever it fires.
    this.dueMs = this.clock.now();
    if (latenessMs >= STALL_MS) this.onStall(latenessMs);
  }
}
