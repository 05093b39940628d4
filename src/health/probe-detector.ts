/**
 * What probes say of one backend. Owns the probe verdict and its streak; knows nothing of other evidence.
 * A streak is a real one: a pass ends the streak of failures, a failure that of passes.
 *
 *   unknown ── first pass ──► up ── `fall` failures in a row ──► down ── `rise` passes in a row ──► up
 *      └────── `fall` failures in a row ──────────────────────────▲
 *
 * A verdict that is remembered over a restart is on probation: the first probe decides anew, by itself.
 */

import type { Memory } from '../model/memory.ts';
import type { ProbeSchedule } from '../model/probe-settings.ts';
import type { InitialState } from '../model/settings.ts';
import type { ProbeResult } from '../model/signal.ts';

export type ProbeVerdict = 'off' | 'unknown' | 'up' | 'down';

export interface TimedProbeResult extends ProbeResult {
  readonly at: number;
}

const VERDICT_AT_FIRST: Readonly<Record<InitialState, ProbeVerdict>> = {
  probe: 'unknown',
  up: 'up',
  down: 'down',
  last: 'unknown',
};

export class ProbeDetector {
  verdict: ProbeVerdict;
  /** When the verdict became what it is; null before any probe decided. */
  sinceMs: number | null = null;
  passes = 0;
  failures = 0;
  /** When the present streak of failures began; meaningful while `failures` > 0. */
  failingSinceMs = 0;
  last: TimedProbeResult | null = null;
  /** When the result before the last came. */
  previousMs = Number.NEGATIVE_INFINITY;
  /** The verdict is from before the restart; no probe has spoken since. */
  isOnProbation = false;
  private settings: ProbeSchedule | null;

  /** @param settings null = no probing: the verdict stays `off` */
  constructor(settings: ProbeSchedule | null, initialState: InitialState) {
    this.settings = settings;
    this.verdict = settings === null ? 'off' : VERDICT_AT_FIRST[initialState];
  }

  /**
   * From now on probes ask as these settings say; null = not at all. The verdict stays until the new probes have decided
   * otherwise: what served under the old settings is not down because of a reload.
   */
  configure(settings: ProbeSchedule | null): void {
    this.settings = settings;
    this.passes = 0;
    this.failures = 0;
    if (settings === null) this.verdict = 'off';
    else if (this.verdict === 'off') this.verdict = 'up';
  }

  /** Takes up what was decided before a restart, unless a probe has spoken since. True when it did. */
  recall({ verdict, ageMs }: Memory, at: number): boolean {
    if (this.settings === null || this.last !== null) return false;
    this.verdict = verdict;
    this.sinceMs = at - ageMs;
    this.isOnProbation = true;
    return true;
  }

  /**
   * Since when an answer to a request contradicts a probe that got none: since that probe began, or, within a streak, since the
   * failure before it.
   */
  doubtsSince(latencyMs: number, at: number): number {
    return this.failures > 0 && this.last !== null ? this.last.at : at - latencyMs;
  }

  /**
   * True when the verdict changed.
   * @param isContradicted the probe got no answer while the backend answered requests: that says something about the way to it,
   *   and nothing about the backend, so it neither begins nor prolongs a streak
   */
  observe(result: ProbeResult, at: number, isContradicted = false): boolean {
    if (this.settings === null) return false;
    const { ok, status, latencyMs, detail, refused, draining = false } = result;
    this.previousMs = this.last?.at ?? this.previousMs;
    this.last = { ok, status, latencyMs, detail, refused, draining, at };
    // It answers as it should on its way out: no pass, and no failure.
    if ((draining || isContradicted) && !ok) return false;
    const decidesAlone = this.isOnProbation;
    this.isOnProbation = false;
    if (ok) {
      this.failures = 0;
      this.passes += 1;
      const enough = decidesAlone || this.verdict === 'unknown' || this.passes >= this.settings.rise;
      return enough && this.decide('up', at);
    }
    this.passes = 0;
    this.failures += 1;
    if (this.failures === 1) this.failingSinceMs = at;
    return (decidesAlone || this.failures >= this.settings.fall) && this.decide('down', at);
  }

  /** Whether the next probes may change the verdict. */
  get isCounting(): boolean {
    if (this.isOnProbation) return true;
    if (this.verdict === 'up') return this.last?.ok === false && !(this.last.draining ?? false);
    if (this.verdict === 'down') return this.passes > 0;
    return this.verdict === 'unknown';
  }

  private decide(verdict: ProbeVerdict, at: number): boolean {
    if (this.verdict === verdict) return false;
    this.verdict = verdict;
    this.sinceMs = at;
    return true;
  }
}
