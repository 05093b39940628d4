/**
 * How long the place of a worker that died stays empty: not at all when it had lived for a second, else from a tenth of a second up,
 * doubled each time to ten seconds, give or take a fifth, so that a program that cannot run does not burn the machine.
 */

import type { Rng } from '../base/rng.ts';

/** Who has lived for so long died of something that starting did not bring about. */
const SETTLED_MS = 1_000;
const FIRST_MS = 100;
const LONGEST_MS = 10_000;
const JITTER = 0.2;

export class RestartBackoff {
  private readonly rng: Rng;
  private waitMs = 0;

  constructor(rng: Rng) {
    this.rng = rng;
  }

  /** @param livedMs how long the one that died had lived */
  nextMs(livedMs: number): number {
    if (livedMs >= SETTLED_MS) this.waitMs = 0;
    const waitMs = this.waitMs;
    this.waitMs = Math.min(LONGEST_MS, waitMs === 0 ? FIRST_MS : 2 * waitMs);
    return waitMs * (1 + JITTER * (2 * this.rng.next() - 1));
  }
}
