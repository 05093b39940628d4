import { describe, expect, it } from 'vitest';
import type { OutcomeClass } from '../../../src/model/outcome.ts';
import { type FailedAttempt, mayRetry } from '../../../src/proxy/retry.ts';

const settings = { attempts: 2, on: ['connect_failure', 'reset'] } as const;

function failed(outcome: OutcomeClass, changes: Partial<FailedAttempt> = {}): FailedAttempt {
  return {
    outcome,
    method: 'GET',
    requestBegun: !outcome.startsWith('connect_'),
    bodyBegun: false,
    answerBegun: false,
    attempts: 1,
    panic: false,
    ...changes,
  };
}

describe('mayRetry', () => {
  it.each<[string, FailedAttempt, boolean]>([
    ['a refused connection, whatever the method', failed('connect_refused', { method: 'POST' }), true],
    ['a connect time-out, whatever the method', failed('connect_timeout', { method: 'PATCH' }), true],
    ['a reset of an idempotent request', failed('reset'), true],
    ['a reset of a PUT whose body has not begun', failed('reset', { method: 'PUT' }), true],
    ['a reset of a POST that may have been processed', failed('reset', { method: 'POST' }), false],
    ['a reset of an unknown method', failed('reset', { method: 'FROB' }), false],
    ['a request whose body is partly gone', failed('reset', { method: 'PUT', bodyBegun: true }), false],
    ['an answer that has begun', failed('reset', { answerBegun: true }), false],
    ['an answer cut short', failed('truncated', { answerBegun: true }), false],
    ['an answer that makes no sense', failed('malformed', { answerBegun: true }), false],
    ['a time-out, for which nobody asked', failed('timeout'), false],
    ['our own shortage', failed('local_error', { requestBegun: false }), false],
    ['a client that left', failed('client_abort'), false],
    ['the last attempt', failed('connect_refused', { attempts: 3 }), false],
    ['the second attempt of three', failed('connect_refused', { attempts: 2 }), true],
    ['the first attempt in panic', failed('connect_refused', { panic: true }), true],
    ['the second attempt in panic', failed('connect_refused', { panic: true, attempts: 2 }), false],
  ])('%s', (_, attempt, expected) => {
    expect(mayRetry(attempt, settings)).toBe(expected);
  });

  it('does nothing that the configuration does not list', () => {
    expect(mayRetry(failed('reset'), { attempts: 2, on: ['connect_failure'] })).toBe(false);
    expect(mayRetry(failed('connect_refused'), { attempts: 0, on: ['connect_failure'] })).toBe(false);
  });
});
