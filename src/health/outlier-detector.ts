/**
 * What traffic says of one backend: the sliding window, the streak of failures, how it compares with its peers, and the ejection
 * that follows. Owns the outcomes verdict. The caller has sorted out stragglers, tells when the budget grants or time is up, and
 * reviews the pool's windows together.
 *
 * With `dryRun` nothing is held against the backend: what would have been is counted instead.
 */

import { Histogram } from '../base/histogram.ts';
import { SlidingCounter } from '../base/sliding-counter.ts';
import { formatDuration } from '../base/time.ts';
import type { OutlierSettings } from '../model/settings.ts';
import { type Ejection, ejectionDeadline, ejectionLengthMs, NOT_EJECTED, type TrialPhase } from './ejection.ts';
import type { Comparison } from './outlier-statistics.ts';
import { failingReason, slowReason } from './reasons.ts';

const MEDIAN = [0.5] as const;
/** While a slow backend gets less, less is enough to judge it by. */
const MIN_REQUESTS_SHARE_WHILE_SLOW = 0.25;

/** The last ejection that was not made. */
export interface DryEjection {
  readonly cause: string;
  readonly at: number;
  /** Until then it would have lasted. */
  readonly untilMs: number;
}

/** Answers come, but slowly. */
export interface Slowness {
  readonly sinceMs: number;
  readonly cause: string;
}

export class OutlierDetector {
  ejection: Ejection = NOT_EJECTED;
  /** Failures in a row. */
  streak = 0;
  /** Ejections in succession; the next one is that much longer. */
  ejections = 0;
  slowness: Slowness | null = null;
  /** Ejections that were not made, because of `dryRun`. */
  dryEjections = 0;
  lastDryEjection: DryEjection | null = null;
  private settings: OutlierSettings;
  private requests: SlidingCounter;
  private failures: SlidingCounter;
  /** Of answers that were no failures; null while there is none, or latency is not judged. */
  private latencies: Histogram | null = null;
  private calmSinceMs = 0;

  constructor(settings: OutlierSettings) {
    this.settings = settings;
    this.requests = new SlidingCounter(settings.windowMs);
    this.failures = new SlidingCounter(settings.windowMs);
  }

  /** Ejections and streaks stay; a window of another length begins empty. */
  configure(settings: OutlierSettings): void {
    const isOtherWindow = settings.windowMs !== this.settings.windowMs;
    this.settings = settings;
    if (!isOtherWindow) return;
    this.requests = new SlidingCounter(settings.windowMs);
    this.failures = new SlidingCounter(settings.windowMs);
    this.latencies = null;
  }

  /** Whether the weight is to be lowered for it. */
  get isSlow(): boolean {
    return this.slowness !== null && !this.settings.dryRun;
  }

  /** Whether only a comparison can clear what stands against it. */
  get standsOut(): boolean {
    return this.slowness !== null || (this.ejection.kind === 'held' && this.ejection.isComparative);
  }

  /** Requests and failures within the window. */
  window(at: number): { readonly requests: number; readonly failures: number } {
    return { requests: this.requests.count(at), failures: this.failures.count(at) };
  }

  /** The median latency within the window, in milliseconds; null without an answer. */
  medianLatency(at: number): number | null {
    return this.latencies?.percentiles(MEDIAN, at)?.[0] ?? null;
  }

  /** Whether the window holds enough to compare it with others. */
  isComparable(at: number): boolean {
    const share = this.slowness === null ? 1 : MIN_REQUESTS_SHARE_WHILE_SLOW;
    return this.requests.count(at) >= share * this.settings.minRequests;
  }

  countSuccess(latencyMs: number, at: number): void {
    this.requests.add(at);
    if (this.settings.latencyFactor === null) return;
    this.latencies ??= new Histogram(this.settings.windowMs);
    this.latencies.record(latencyMs, at);
  }

  /** An answer that says nothing about latency: a failure, or a refusal that came fast because it was one. */
  count(failed: boolean, at: number): void {
    this.requests.add(at);
    if (failed) this.failures.add(at);
  }

  /** Returns what happened, for people, when the verdict changed; else null. */
  succeed(at: number): string | null {
    this.streak = 0;
    const was = this.ejection;
    if (was.kind === 'none') {
      this.forgive(at);
      return null;
    }
    if (was.kind === 'held' && (at < was.untilMs || was.isComparative)) return null;
    this.release(at);
    if (was.kind === 'trial') return 'the trial request succeeded';
    return was.kind === 'held' ? 'requests succeed again' : 'a request succeeded while ejected';
  }

  /** Returns the cause when the verdict changed to `held`; else null. */
  fail(detail: string, at: number): string | null {
    this.streak += 1;
    if (this.ejection.kind === 'trial') return this.hold(`the trial request failed: ${detail}`, false, at);
    if (this.ejection.kind !== 'none' || this.streak < this.settings.consecutive) return null;
    return this.hold(`${this.streak} failures in a row, last: ${detail}`, false, at);
  }

  /**
   * The pool's windows have been compared. A failing backend is ejected; a slow one gets less, and is ejected when a whole window
   * of less has not helped. Returns what happened, for people, when the verdict changed; else null.
   */
  judge({ failing, slow }: Comparison, at: number): string | null {
    const wasSlow = this.slowness !== null;
    this.slowness = slow === null ? null : { sinceMs: this.slowness?.sinceMs ?? at, cause: slowReason(slow) };
    const { ejection } = this;
    if (ejection.kind === 'none') {
      const cause = this.findCause(failing === null ? null : failingReason(failing), at);
      if (cause !== null) return this.hold(cause, true, at);
    } else if (ejection.kind === 'held' && ejection.isComparative && at >= ejection.untilMs) {
      if (failing === null && slow === null) {
        this.release(at);
        return 'it is like its peers again';
      }
    }
    if (wasSlow === (slow !== null) || this.settings.dryRun) return null;
    return this.slowness?.cause ?? 'it is as fast as its peers again';
  }

  /** held -> ejected: the budget grants it. */
  enforce(at: number): void {
    if (this.ejection.kind !== 'held') return;
    this.ejections += 1;
    this.slowness = null;
    const untilMs = at + ejectionLengthMs(this.ejections, this.settings);
    this.ejection = { kind: 'ejected', sinceMs: at, untilMs, cause: this.ejection.cause };
  }

  /** ejected -> held: the budget no longer covers it. */
  withdraw(at: number): void {
    if (this.ejection.kind !== 'ejected') return;
    // It counts when it is granted again.
    this.ejections -= 1;
    this.ejection = { ...this.ejection, kind: 'held', isComparative: false, sinceMs: at };
  }

  /** What it did so far was not its fault: a clean sheet, and no removal that was only asked for. */
  pardon(at: number): void {
    this.forget();
    if (this.ejection.kind === 'held') this.release(at);
  }

  /** It returns with a window as empty as a new one's: what it did before it left was judged. */
  beginTrial(at: number): void {
    this.forget();
    this.ejection = { kind: 'trial', sinceMs: at, untilMs: at + this.settings.ejectionMs, phase: 'waiting' };
  }

  /** The request that decides the trial is under way, is being answered, or has ended without a judgement. */
  awaitTrial(phase: TrialPhase, at: number): void {
    if (this.ejection.kind !== 'trial') return;
    const untilMs = phase === 'asked' ? Number.POSITIVE_INFINITY : at + this.settings.ejectionMs;
    this.ejection = { ...this.ejection, untilMs, phase };
  }

  /** Any state -> none. */
  release(at: number): void {
    this.ejection = NOT_EJECTED;
    this.calmSinceMs = at;
  }

  private forget(): void {
    this.streak = 0;
    this.slowness = null;
    this.requests = new SlidingCounter(this.settings.windowMs);
    this.failures = new SlidingCounter(this.settings.windowMs);
    this.latencies = null;
  }

  /** Ends what time alone ends. Returns what happened, for people, when the verdict changed; else null. */
  expire(at: number): string | null {
    if (at < ejectionDeadline(this.ejection)) return null;
    const { ejection } = this;
    this.release(at);
    if (ejection.kind === 'trial') {
      const lasted = formatDuration(this.settings.ejectionMs);
      return ejection.phase === 'answering'
        ? `the answer to the trial request has been coming for ${lasted}`
        : `no trial request came within ${lasted}`;
    }
    return `the ejection of ${formatDuration(ejectionLengthMs(this.ejections, this.settings))} is over`;
  }

  private findCause(failing: string | null, at: number): string | null {
    if (failing !== null) return failing;
    const { slowness } = this;
    if (slowness === null || at - slowness.sinceMs < this.settings.windowMs) return null;
    return `${slowness.cause}, for ${formatDuration(at - slowness.sinceMs)}`;
  }

  private hold(cause: string, isComparative: boolean, at: number): string | null {
    const untilMs = at + ejectionLengthMs(this.ejections + 1, this.settings);
    if (!this.settings.dryRun) {
      this.ejection = { kind: 'held', sinceMs: at, untilMs, cause, isComparative };
      return cause;
    }
    if (this.lastDryEjection === null || at >= this.lastDryEjection.untilMs) {
      this.dryEjections += 1;
      this.lastDryEjection = { cause, at, untilMs };
    }
    if (this.ejection.kind !== 'trial') return null;
    this.release(at);
    return `${cause}; a dry run lets it pass`;
  }

  /** One ejection is forgotten for each ejection's length in service that ends with a success: never for silence. */
  private forgive(at: number): void {
    if (this.ejections === 0 || at - this.calmSinceMs < ejectionLengthMs(this.ejections, this.settings)) return;
    this.ejections -= 1;
    this.calmSinceMs = at;
  }
}
