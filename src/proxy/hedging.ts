/**
 * When a request under way gets a second attempt beside the first, for one upstream: after a fixed time, or after a quantile
 * of the recent times to an answer's head; and only as often as the budget allows (Dean and Barroso, "The tail at scale", 2013).
 * One timer serves all requests.
 */

import { Histogram } from '../base/histogram.ts';
import { MinHeap } from '../base/min-heap.ts';
import type { Clock, Timer } from '../base/time.ts';
import type { HedgeSettings } from '../model/settings.ts';
import { RetryBudget } from './retry-budget.ts';

/** A request that may be hedged. */
export interface Hedgeable {
  /** It still waits for its first answer's head. */
  readonly awaitsHead: boolean;
  /**
   * Makes a second attempt, if that is possible and of use. False: the budget does not allow it now, ask again.
   * @param isOverdue it has waited for several times the delay
   */
  hedge(isOverdue: boolean): boolean;
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

/** After so many times the delay a request is overdue: not one of the slowest few, but stuck. */
const OVERDUE_TIMES = 3;

interface Entry {
  readonly request: Hedgeable;
  readonly dueMs: number;
  readonly delayMs: number;
  /** How often it has been asked. */
  readonly asked: number;
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
  private readonly queue = new MinHeap<Entry>((a, b) => a.dueMs < b.dueMs);
  private timer: Timer | null = null;
  private timerAtMs = Infinity;
  private closed = false;
  private readonly onDenied: () => void;

  /** @param onDenied a request was due, and the budget did not allow it: once for each request */
  constructor(settings: HedgeSettings, clock: Clock, onDenied: () => void = () => {}) {
    const { after, budget } = settings;
    this.settings = settings;
    this.clock = clock;
    this.onDenied = onDenied;
    this.budget = new RetryBudget({ budget, minPerSecond: MIN_PER_SECOND });
    this.latencies = after.kind === 'quantile' ? new Histogram(WINDOW_MS) : null;
    this.delayMs = after.kind === 'fixed' ? after.ms : null;
  }

  /** The first attempt of a request begins. */
  watch(request: Hedgeable, nowMs: number): void {
    this.budget.deposit(nowMs);
    const delayMs = this.currentDelayMs(nowMs);
    if (delayMs === null) return;
    const dueMs = nowMs + delayMs;
    this.queue.push({ request, dueMs, delayMs, asked: 0 });
    if (dueMs < this.timerAtMs) this.arm();
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
    this.closed = true;
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

  /** Those that have their answer leave the queue when they come to its head. */
  private arm(): void {
    while (this.queue.peek()?.request.awaitsHead === false) this.queue.pop();
    this.timer?.cancel();
    const next = this.queue.peek();
    this.timerAtMs = next?.dueMs ?? Infinity;
    this.timer = next === undefined || this.closed ? null : this.clock.at(next.dueMs, this.run);
  }

  private readonly run = (): void => {
    const nowMs = this.clock.now();
    for (let next = this.queue.peek(); next !== undefined && next.dueMs <= nowMs; next = this.queue.peek()) {
      this.queue.pop();
      const { request, delayMs } = next;
      const asked = next.asked + 1;
      if (!request.awaitsHead || request.hedge(asked >= OVERDUE_TIMES)) continue;
      if (asked === 1) this.onDenied();
      this.queue.push({ request, dueMs: nowMs + delayMs, delayMs, asked });
    }
    this.arm();
  };
}
