/**
 * What a run meant to clients and operators: failures, latencies, traffic that still met a fault, and how soon and how rightly
 * health reacted. Judges by the scenario's faults, of which health knows nothing.
 */

import { judge, type OutcomeClass } from '../model/outcome.ts';
import { isAvailable } from '../model/status.ts';
import type { Transition } from '../model/transition.ts';
import { endOf, type Fault } from './scenario-file.ts';
import type { Observer } from './simulation.ts';

/** What a fault leaves behind (answers under way, streaks being counted) may remove its backend for this long after it. */
const AFTERMATH_MS = 5_000;

/** Seconds with fewer attempts say nothing about shares. */
const MIN_ATTEMPTS = 10;

const SHARES = { p50: 0.5, p99: 0.99, p999: 0.999 } as const;

export interface Measures {
  readonly requests: number;
  /** Requests whose client got an error, or nothing. */
  readonly failed: number;
  /** Requests that took more than one attempt. */
  readonly retried: number;
  /** Of the requests that succeeded, all attempts together; null when none did. */
  readonly latency_ms: Readonly<Record<keyof typeof SHARES, number>> | null;
  /** The largest share of the attempts of one second that went to backends under a fault; null without faults. */
  readonly max_bad_share: number | null;
  /** From a fault's beginning until its backend was no longer `up`: the longest; null when none was noticed. */
  readonly detected_after_s: number | null;
  /** Faults, counted per backend, that were never noticed. */
  readonly undetected: number;
  /** Backends taken out of service without a fault of theirs. */
  readonly false_removals: number;
}

export class Tally implements Observer {
  private readonly faults: readonly Fault[];
  private readonly latencies: number[] = [];
  private readonly attempts: number[] = [];
  private readonly strickenAttempts: number[] = [];
  private requests = 0;
  private retried = 0;

  /** @param faults of which those count that a request meets: lost probes and heartbeats are none */
  constructor(faults: readonly Fault[]) {
    this.faults = faults.filter(({ kind }) => kind !== 'lose_probes' && kind !== 'fall_silent');
  }

  onAttempt(backend: string, atMs: number): void {
    const second = Math.floor(atMs / 1_000);
    this.attempts[second] = (this.attempts[second] ?? 0) + 1;
    if (this.isStricken(backend, atMs, 0)) this.strickenAttempts[second] = (this.strickenAttempts[second] ?? 0) + 1;
  }

  onRequestEnd(outcome: OutcomeClass | null, latencyMs: number, attempts: number): void {
    this.requests += 1;
    if (attempts > 1) this.retried += 1;
    if (outcome !== null && judge(outcome) === 'success') this.latencies.push(latencyMs);
  }

  measure(transitions: readonly Transition[]): Measures {
    const delays = this.faults.flatMap((fault) => fault.backends.map((id) => delayOf(fault, id, transitions)));
    const noticed = delays.filter((delay) => delay !== null);
    const removals = transitions.filter(({ from, to }) => isAvailable(from) && !isAvailable(to));
    return {
      requests: this.requests,
      failed: this.requests - this.latencies.length,
      retried: this.retried,
      latency_ms: this.percentiles(),
      max_bad_share: this.faults.length === 0 ? null : this.maxBadShare(),
      detected_after_s: noticed.length === 0 ? null : Math.max(...noticed) / 1_000,
      undetected: delays.length - noticed.length,
      false_removals: removals.filter(({ backend, at }) => !this.isStricken(backend, at, AFTERMATH_MS)).length,
    };
  }

  private isStricken(backend: string, atMs: number, aftermathMs: number): boolean {
    return this.faults.some(
      (fault) => fault.at <= atMs && atMs < endOf(fault) + aftermathMs && fault.backends.includes(backend),
    );
  }

  private maxBadShare(): number {
    const shares = this.attempts.map((all, second) =>
      all < MIN_ATTEMPTS ? 0 : (this.strickenAttempts[second] ?? 0) / all,
    );
    return shares.reduce((most, share) => Math.max(most, share), 0);
  }

  private percentiles(): Measures['latency_ms'] {
    if (this.latencies.length === 0) return null;
    const sorted = Float64Array.from(this.latencies).sort();
    const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] as number;
    return { p50: at(SHARES.p50), p99: at(SHARES.p99), p999: at(SHARES.p999) };
  }
}

/** Milliseconds from the fault's beginning until the backend left `up`; null when it did not while the fault lasted. */
function delayOf(fault: Fault, backend: string, transitions: readonly Transition[]): number | null {
  const own = transitions.filter((transition) => transition.backend === backend);
  const before = own.findLast(({ at }) => at < fault.at);
  if (before !== undefined && before.to !== 'up') return 0;
  const left = own.find(({ at, from }) => at >= fault.at && at < endOf(fault) && from === 'up');
  return left === undefined ? null : left.at - fault.at;
}
