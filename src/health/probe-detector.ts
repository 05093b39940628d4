/**
 * What probes say of one backend. Owns the probe verdict and its streak; knows nothing of other evidence.
 * A streak is a real one: a pass ends the streak of failures, a failure that of passes.
 *
 *   unknown ── first pass ──► up ── `fall` failures in a row ──► down ── `rise` passes in a row ──► up
 *      └────── `fall` failures in a row ──────────────────────────▲
 */

import type { InitialState, ProbeSettings } from '../model/settings.ts';
import type { ProbeResult } from '../model/signal.ts';

export type ProbeVerdict = 'off' | 'unknown' | 'up' | 'down';

export interface TimedProbeResult extends ProbeResult {
  readonly at: number;
}

const VERDICT_AT_FIRST: Readonly<Record<InitialState, ProbeVerdict>> = { probe: 'unknown', up: 'up', down: 'down' };

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
  private readonly settings: ProbeSettings | null;

  /** @param settings null = no probing: the verdict stays `off` */
  constructor(settings: ProbeSettings | null, initialState: InitialState) {
    this.settings = settings;
    this.verdict = settings === null ? 'off' : VERDICT_AT_FIRST[initialState];
  }

  /** True when the verdict changed. */
  observe(result: ProbeResult, at: number): boolean {
    if (this.settings === null) return false;
    const { ok, status, latencyMs, detail, refused, draining = false } = result;
    this.previousMs = this.last?.at ?? this.previousMs;
    this.last = { ok, status, latencyMs, detail, refused, draining, at };
    // It answers as it should on its way out: no pass, and no failure.
    if (draining && !ok) return false;
    if (ok) {
      this.failures = 0;
      this.passes += 1;
      const enough = this.verdict === 'unknown' || this.passes >= this.settings.rise;
      return enough && this.decide('up', at);
    }
    this.passes = 0;
    this.failures += 1;
    if (this.failures === 1) this.failingSinceMs = at;
    return this.failures >= this.settings.fall && this.decide('down', at);
  }

  /** Whether the next probes may change the verdict. */
  get isCounting(): boolean {
    if (this.verdict === 'up') return this.failures > 0;
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
