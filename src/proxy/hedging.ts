/**
 * When a request under way gets a second attempt beside the first, for one upstream: after a fixed time, or after a quantile
 * of the recent times to an answer's head; and only as often as the budget allows (Dean and Barroso, "The tail at scale", 2013).
 * One timer serves all requests; they wait in the order in which they began.
 */

import { Histogram } from '../base/histogram.ts';
import type { Clock, Timer } from '../base/time.ts';
import type { HedgeSettings } from '../model/settings.ts';
import { RetryBudget } from './retry-budget.ts';

/** A request that may be hedged. */
export interface Hedgeable {
  /** It still waits for its first answer's head. */
  readonly awaitsHead: boolean;
  /** Makes a second attempt, if that is possible and of use. */
  hedge(): void;
}

/** Answers seen before a quantile is believed. */
const MIN_ANSWERS = 20;
/** What a quantile looks back over. */
const WINDOW_MS = 30_000;
/** How often it is reckoned anew: it changes slowly, and costs a pass over the histogram. */
const REFRESH_MS = 500;
/** A timer cannot be much finer. */
const MIN_DELAY_MS = 1;
/** Hedges that a quiet upstream may make per second whatever the share says. */
const MIN_PER_SECOND = 1;

interface Entry {
  readonly request: Hedgeable;
  readonly dueMs: number;
}

export class Hedging {
  private readonly settings: HedgeSettings;
  private readonly clock: Clock;
  private readonly budget: RetryBudget;
  private readonly latencies: Histogram | null;
  private answers = 0;
  /** null = not known yet: nothing is hedged. */
  private delayMs: number | null;
  private refreshAtMs = 0;
  private queue: Entry[] = [];
  private timer: Timer | null = null;

  constructor(settings: HedgeSettings, clock: Clock) {
    const { after, budget } = settings;
    this.settings = settings;
    this.clock = clock;
    this.budget = new RetryBudget({ budget, minPerSecond: MIN_PER_SECOND });
    this.latencies = after.kind === 'quantile' ? new Histogram(WINDOW_MS) : null;
    this.delayMs = after.kind === 'fixed' ? after.ms : null;
  }

  /** The first attempt of a request begins. */
  watch(request: Hedgeable, nowMs: number): void {
    this.budget.deposit(nowMs);
    const delayMs = this.currentDelayMs(nowMs);
    if (delayMs === null) return;
    this.queue.push({ request, dueMs: nowMs + delayMs });
    if (this.timer === null) this.arm();
  }

  /** How long a request waited for its answer's head. */
  learn(latencyMs: number, nowMs: number): void {
    if (this.latencies === null) return;
    this.answers++;
    this.latencies.record(latencyMs, nowMs);
  }

  /** Takes one hedge out of the budget; false when there is none left. */
  withdraw(nowMs: number): boolean {
    return this.budget.withdraw(nowMs);
  }

  close(): void {
    this.timer?.cancel();
    this.queue = [];
  }

  private currentDelayMs(nowMs: number): number | null {
    const { after } = this.settings;
    if (after.kind === 'fixed' || this.latencies === null) return this.delayMs;
    if (nowMs >= this.refreshAtMs && this.answers >= MIN_ANSWERS) {
      this.refreshAtMs = nowMs + REFRESH_MS;
      const quantileMs = this.latencies.percentiles([after.share], nowMs)?.[0];
      this.delayMs = quantileMs === undefined ? this.delayMs : Math.max(MIN_DELAY_MS, quantileMs);
    }
    return this.delayMs;
  }

  /** Those that have their answer leave the queue, which so stays as short as what is really waiting. */
  private arm(): void {
    const first = this.queue.findIndex(({ request }) => request.awaitsHead);
    this.queue = first < 0 ? [] : this.queue.slice(first);
    const next = this.queue[0];
    this.timer = next === undefined ? null : this.clock.at(next.dueMs, this.run);
  }

  private readonly run = (): void => {
    const nowMs = this.clock.now();
    let due = 0;
    for (const { request, dueMs } of this.queue) {
      if (dueMs > nowMs) break;
      due++;
      if (request.awaitsHead) request.hedge();
    }
    this.queue.splice(0, due);
    this.arm();
  };
}
