/**
 * Whether a failed attempt may be made again: the one place that decides what is safe to send twice.
 * RFC 9110 §9.2.2: a request that a backend may have acted on is repeated only when its method is idempotent.
 */

import { judge, type OutcomeClass } from '../model/outcome.ts';
import type { RetryCause, RetrySettings } from '../model/settings.ts';
import type { Snapshot } from '../model/snapshot.ts';

/** RFC 9110 §9.2.2, and the methods of WebDAV and QUERY that are idempotent by their own definitions. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH']);

/** In panic, when requests wait for room already: the pool has no spare capacity to waste. */
const STRAINED_RETRIES = 1;

/** What an attempt that has failed says of itself and its request. */
export interface Failure {
  readonly outcome: OutcomeClass;
  /** The answer's status code; 0 when no head came. */
  readonly status: number;
  readonly method: string;
  /** Some byte of the request was handed to the connection. */
  readonly requestBegun: boolean;
  /** All of the request's body that was sent can be sent again. */
  readonly replayable: boolean;
  /** Attempts made so far, this one included. */
  readonly attempts: number;
}

/** What the pool has to offer. */
export interface Prospects {
  /** A backend that this request has not tried may be picked. */
  readonly elsewhere: boolean;
  /** Some backends are out of service. */
  readonly degraded: boolean;
  readonly panic: boolean;
  /** Requests wait for room. */
  readonly crowded: boolean;
}

export interface FailedAttempt extends Failure, Prospects {}

/** @param tried slots */
export function prospectsOf(snapshot: Snapshot, tried: readonly number[], crowded: boolean): Prospects {
  const { candidates, entries, panic } = snapshot;
  const elsewhere = candidates.some(({ backend }) => !tried.includes(backend.slot));
  return { elsewhere, degraded: candidates.length < entries.length, panic, crowded };
}

/** The budget is asked separately: it is spent by asking. Assumes that nothing of the answer has reached the client. */
export function mayRetry(failed: FailedAttempt, settings: RetrySettings): boolean {
  const retries = failed.panic && failed.crowded ? Math.min(settings.attempts, STRAINED_RETRIES) : settings.attempts;
  if (failed.attempts > retries || !failed.replayable) return false;
  const cause = causeOf(failed);
  if (cause === null || !settings.on.includes(cause)) return false;
  if (!failed.elsewhere && !mayRepeat(cause, failed)) return false;
  return !failed.requestBegun || isRepeatable(failed.method, settings.methods);
}

/**
 * Whether the same backend may be asked again: where a connection was stale; and where it failed with an answer while those who would
 * be asked instead are out of service. The answer of a pool that is whole is what there is to say, and who does not listen has said it.
 */
function mayRepeat(cause: RetryCause, { degraded }: Prospects): boolean {
  return cause === 'reset' || (degraded && typeof cause === 'number');
}

/**
 * Whether nobody took a connection for the request: nothing of it was sent, so it may wait for somebody. A certificate that does not
 * fit, or an address that does not exist, is not mended by waiting.
 */
export function foundNobody(failed: FailedAttempt, settings: RetrySettings): boolean {
  const isUnanswered = failed.outcome === 'connect_refused' || failed.outcome === 'connect_timeout';
  if (!isUnanswered || !settings.on.includes('connect_failure') || settings.attempts === 0) return false;
  return failed.replayable && (failed.panic || !failed.elsewhere);
}

/** Whether the method may be sent again although a backend may have acted on it. */
export function isRepeatable(method: string, methods: RetrySettings['methods']): boolean {
  if (methods === 'all') return true;
  return methods === 'idempotent' ? IDEMPOTENT.has(method) : methods.includes(method);
}

function causeOf({ outcome, status }: FailedAttempt): RetryCause | null {
  if (judge(outcome) !== 'failure' && outcome !== 'unprocessed') return null;
  switch (outcome) {
    case 'connect_refused':
    case 'connect_timeout':
    case 'connect_error':
      return 'connect_failure';
    case 'reset':
    case 'refused':
    case 'unprocessed':
      return 'reset';
    case 'truncated':
      return status === 0 ? 'reset' : null;
    case 'timeout':
      return status === 0 ? 'timeout' : null;
    case 'http_5xx':
      return status === 500 ? status : null;
    case 'http_gateway':
      return status === 502 || status === 503 || status === 504 ? status : null;
    default:
      return null;
  }
}
