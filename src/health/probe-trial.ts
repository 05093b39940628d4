/**
 * Probes that ask something else since a reload are on trial themselves: a wrong path would take every backend down that serves well.
 * Until enough backends have passed what is asked now, the failures of these probes remove nobody who was in service.
 *
 *   settled ── a reload changes what is asked ──► on trial ── more backends have passed than can be missed ──► settled
 *
 * Enough is what leaves no mass failure: when more than 45 % have passed, fewer than 55 % can be down for a reason of ours, and the
 * removal budget is guard enough. Traffic and heartbeats speak as ever, and an operator is always obeyed.
 */

import { isDeepStrictEqual } from 'node:util';
import type { ProbeSettings } from '../model/probe-settings.ts';
import { MASS_SHARE } from './mass-failure.ts';

export class ProbeTrial {
  /** When what is asked was changed, first of several times; null = it has proved itself. */
  sinceMs: number | null = null;
  /** Ids of the backends that have passed since. */
  passed: string[] = [];

  /** @param after null = no probes */
  configure(before: ProbeSettings | null, after: ProbeSettings | null, at: number): void {
    if (after === null) this.sinceMs = null;
    // Whom the trial before holds is held on: a correction must not be what takes them out.
    else if (before === null || !isSameQuestion(before, after)) this.sinceMs ??= at;
    else return;
    this.passed = [];
  }

  /** A backend has passed. True when that settles it. @param eligible backends neither draining nor disabled */
  pass(backend: string, eligible: number): boolean {
    if (this.sinceMs === null) return false;
    if (!this.passed.includes(backend)) this.passed.push(backend);
    if (this.passed.length <= (1 - MASS_SHARE) * eligible) return false;
    this.sinceMs = null;
    this.passed = [];
    return true;
  }

  /** Whether a removal that probes have asked for since then is withheld. */
  holds(askingSinceMs: number): boolean {
    return this.sinceMs !== null && askingSinceMs >= this.sinceMs;
  }
}

/** When it is asked, and how often it must pass, is no part of it; how long an answer may take is. */
function isSameQuestion(one: ProbeSettings, other: ProbeSettings): boolean {
  const schedule = { intervalMs: 0, fastIntervalMs: 0, rise: 0, fall: 0, jitter: 0 };
  return isDeepStrictEqual({ ...one, ...schedule }, { ...other, ...schedule });
}
