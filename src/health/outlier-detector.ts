/**
 * What traffic says of one backend: the sliding window, the streak of failures, and the ejection that follows from it.
 * Owns the outcomes verdict. The caller has sorted out stragglers and tells when the budget grants or time is up.
 */

import { SlidingCounter } from '../base/sliding-counter.ts';
import { formatDuration } from '../base/time.ts';
import type { OutlierSettings } from '../model/settings.ts';
import { type Ejection, ejectionDeadline, ejectionLengthMs, NOT_EJECTED } from './ejection.ts';

export class OutlierDetector {
  ejection: Ejection = NOT_EJECTED;
  /** Failures in a row. */
  streak = 0;
  /** Ejections in succession; the next one is that much longer. */
  ejections = 0;
  private readonly settings: OutlierSettings;
  private readonly requests: SlidingCounter;
  private readonly failures: SlidingCounter;
  private calmSinceMs = 0;

  constructor(settings: OutlierSettings) {
    this.settings = settings;
    this.requests = new SlidingCounter(settings.windowMs);
    this.failures = new SlidingCounter(settings.windowMs);
  }

  /** Requests and failures within the window. */
  window(at: number): { readonly requests: number; readonly failures: number } {
    return { requests: this.requests.count(at), failures: this.failures.count(at) };
  }

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
    if (was.kind === 'held' && at < was.untilMs) return null;
    this.release(at);
    if (was.kind === 'trial') return 'the trial request succeeded';
    return was.kind === 'held' ? 'requests succeed again' : 'a request succeeded while ejected';
  }

  /** Returns the cause when the verdict changed to `held`; else null. */
  fail(detail: string, at: number): string | null {
    this.streak += 1;
    if (this.ejection.kind === 'trial') return this.hold(`the trial request failed: ${detail}`, at);
    if (this.ejection.kind !== 'none' || this.streak < this.settings.consecutive) return null;
    return this.hold(`${this.streak} failures in a row, last: ${detail}`, at);
  }

  /** held -> ejected: the budget grants it. */
  enforce(at: number): void {
    if (this.ejection.kind !== 'held') return;
    this.ejections += 1;
    const untilMs = at + ejectionLengthMs(this.ejections, this.settings);
    this.ejection = { kind: 'ejected', sinceMs: at, untilMs, cause: this.ejection.cause };
  }

  /** ejected -> held: the budget no longer covers it. */
  withdraw(at: number): void {
    if (this.ejection.kind === 'ejected') this.ejection = { ...this.ejection, kind: 'held', sinceMs: at };
  }

  beginTrial(at: number): void {
    this.streak = 0;
    this.ejection = { kind: 'trial', sinceMs: at, untilMs: at + this.settings.ejectionMs };
  }

  /** The request that decides the trial is under way, or has ended without a judgement. */
  awaitTrial(isUnderWay: boolean, at: number): void {
    if (this.ejection.kind !== 'trial') return;
    const untilMs = isUnderWay ? Number.POSITIVE_INFINITY : at + this.settings.ejectionMs;
    this.ejection = { ...this.ejection, untilMs };
  }

  /** Any state -> none. */
  release(at: number): void {
    this.ejection = NOT_EJECTED;
    this.calmSinceMs = at;
  }

  /** Ends what time alone ends. Returns what happened, for people, when the verdict changed; else null. */
  expire(at: number): string | null {
    if (at < ejectionDeadline(this.ejection)) return null;
    const { kind } = this.ejection;
    this.release(at);
    if (kind === 'trial') return `no trial request came within ${formatDuration(this.settings.ejectionMs)}`;
    return `the ejection of ${formatDuration(ejectionLengthMs(this.ejections, this.settings))} is over`;
  }

  private hold(cause: string, at: number): string {
    const untilMs = at + ejectionLengthMs(this.ejections + 1, this.settings);
    this.ejection = { kind: 'held', sinceMs: at, untilMs, cause };
    return cause;
  }

  /** One ejection is forgotten for each ejection's length in service that ends with a success: never for silence. */
  private forgive(at: number): void {
    if (this.ejections === 0 || at - this.calmSinceMs < ejectionLengthMs(this.ejections, this.settings)) return;
    this.ejections -= 1;
    this.calmSinceMs = at;
  }
}
