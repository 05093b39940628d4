/**
 * How many retries an upstream may bear: a share of its requests of the last ten seconds, and a few per second besides
 * (the budget of Finagle and Linkerd). It keeps an outage from being multiplied by those who try again.
 *
 * What it pays for is waste: a retry that brings an answer costs nothing, one that does not costs two, and all together never more
 * than one each. Where backends fail now and then, more may be tried; in an outage or an overload, where every other retry fails as
 * well, the share is the limit (docs/adr/0014-what-retries-cost.md).
 */

import { SlidingCounter } from '../base/sliding-counter.ts';
import type { RetrySettings } from '../model/settings.ts';

const WINDOW_MS = 10_000;

export class RetryBudget {
  private settings: Pick<RetrySettings, 'budget' | 'minPerSecond'>;
  private readonly requests = new SlidingCounter(WINDOW_MS);
  private readonly retries = new SlidingCounter(WINDOW_MS);
  private readonly repaid = new SlidingCounter(WINDOW_MS);

  constructor(settings: Pick<RetrySettings, 'budget' | 'minPerSecond'>) {
    this.settings = settings;
  }

  /** Another share, of what has been counted already. */
  configure(settings: Pick<RetrySettings, 'budget' | 'minPerSecond'>): void {
    this.settings = settings;
  }

  /** A request came for the first time. */
  deposit(nowMs: number): void {
    this.requests.add(nowMs);
  }

  /** Takes one retry; false when there is none left. */
  withdraw(nowMs: number): boolean {
    const { budget, minPerSecond } = this.settings;
    const allowed = budget * this.requests.count(nowMs) + minPerSecond * (WINDOW_MS / 1_000);
    if (this.cost(nowMs) >= allowed) return false;
    this.retries.add(nowMs);
    return true;
  }

  /** The retry that was withdrawn then has brought an answer. */
  repay(withdrawnMs: number): void {
    this.repaid.addLate(withdrawnMs);
  }

  private cost(nowMs: number): number {
    const retries = this.retries.count(nowMs);
    return Math.min(retries, 2 * (retries - this.repaid.count(nowMs)));
  }
}
