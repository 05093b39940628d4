/**
 * Whether a failed attempt may be made again: the one place that decides what is safe to send twice.
 * RFC 9110 §9.2.2: a request that may have been processed is repeated only when its method is idempotent.
 */

import { judge, type OutcomeClass } from '../model/outcome.ts';
import type { RetryCause, RetrySettings } from '../model/settings.ts';

/** RFC 9110 §9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH']);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

export interface FailedAttempt {
  readonly outcome: OutcomeClass;
  readonly method: string;
  /** Some byte of the request was handed to the connection. */
  readonly requestBegun: boolean;
  /** Some byte of the request's body was handed to the connection, and is gone. */
  readonly bodyBegun: boolean;
  /** Some byte of an answer came. */
  readonly answerBegun: boolean;
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  readonly panic: boolean;
}

/** In panic there is one retry at most: the pool has no spare capacity to waste. */
const PANIC_RETRIES = 1;

export function mayRetry(failed: FailedAttempt, settings: RetrySettings): boolean {
  const retries = failed.panic ? Math.min(settings.attempts, PANIC_RETRIES) : settings.attempts;
  if (failed.attempts > retries || failed.answerBegun || failed.bodyBegun) return false;
  if (judge(failed.outcome) === 'ignored') return false;
  const cause = causeOf(failed.outcome);
  if (cause === null || !settings.on.includes(cause)) return false;
  return !failed.requestBegun || isIdempotent(failed.method);
}

function causeOf(outcome: OutcomeClass): RetryCause | null {
  switch (outcome) {
    case 'connect_refused':
    case 'connect_timeout':
    case 'connect_error':
      return 'connect_failure';
    case 'reset':
      return 'reset';
    default:
      return null;
  }
}
