/**
 * Backends that exist only as behaviour: how long an answer takes, and what goes wrong. Requests and probes meet the same
 * behaviour, except for gray failures, which only requests see.
 */

import type { Rng } from '../base/rng.ts';
import type { Clock } from '../base/time.ts';
import type { Probe } from '../control/prober.ts';
import type { Backend } from '../model/backend.ts';
import { judge, type OutcomeClass } from '../model/outcome.ts';

export interface Behaviour {
  /** Mean of an exponential distribution. */
  readonly latencyMs: number;
  /** Share of requests that end as `failure`, 0 to 1. */
  readonly failureShare: number;
  /** `timeout`: no answer ever comes. */
  readonly failure: OutcomeClass;
  /** How long a failed answer takes; null = as long as a good one. */
  readonly failureLatencyMs: number | null;
  /** Probes meet none of these failures. */
  readonly gray: boolean;
  /** Share of probes that get no answer, 0 to 1. */
  readonly probeLoss: number;
}

export const HEALTHY: Behaviour = {
  latencyMs: 20,
  failureShare: 0,
  failure: 'http_5xx',
  failureLatencyMs: null,
  gray: false,
  probeLoss: 0,
};

export interface Answer {
  readonly outcome: OutcomeClass;
  /** Infinite when no answer ever comes. */
  readonly latencyMs: number;
}

export class FakeFleet {
  private readonly behaviours = new Map<string, Behaviour>();
  private readonly rng: Rng;

  constructor(rng: Rng) {
    this.rng = rng;
  }

  set(backend: string, behaviour: Behaviour): void {
    this.behaviours.set(backend, behaviour);
  }

  /** What a request to this backend gets now. */
  answer(backend: string): Answer {
    return this.draw(this.behaviours.get(backend) ?? HEALTHY);
  }

  /** A probe that asks these backends, in the clock's time. */
  probe(clock: Clock): Probe {
    return {
      run: (backend, settings, done) => {
        const { outcome, latencyMs } = this.answerProbe(backend);
        const startedMs = clock.now();
        clock.at(startedMs + Math.min(latencyMs, settings.timeoutMs), () => {
          const elapsedMs = clock.now() - startedMs;
          // Where we stood still meanwhile, our own timer fires before the answer is read.
          const late = latencyMs > settings.timeoutMs || elapsedMs > settings.timeoutMs;
          done({
            ok: judge(outcome) === 'success' && !late,
            status: null,
            latencyMs: elapsedMs,
            detail: late ? 'late' : outcome,
            refused: outcome === 'connect_refused',
          });
        });
      },
      forget: () => {},
      close: () => Promise.resolve(),
    };
  }

  private answerProbe({ id }: Backend): Answer {
    const behaviour = this.behaviours.get(id) ?? HEALTHY;
    if (this.rng.next() < behaviour.probeLoss) return { outcome: 'timeout', latencyMs: Number.POSITIVE_INFINITY };
    return this.draw(behaviour.gray ? { ...behaviour, failureShare: 0 } : behaviour);
  }

  private draw({ latencyMs, failureShare, failure, failureLatencyMs }: Behaviour): Answer {
    const fails = this.rng.next() < failureShare;
    const answerMs = -latencyMs * Math.log(1 - this.rng.next());
    if (!fails) return { outcome: 'ok', latencyMs: answerMs };
    if (failure === 'timeout') return { outcome: failure, latencyMs: Number.POSITIVE_INFINITY };
    return { outcome: failure, latencyMs: failureLatencyMs ?? answerMs };
  }
}
