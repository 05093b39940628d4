import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import type { OutcomeClass } from '../../../src/model/outcome.ts';
import type { RetrySettings } from '../../../src/model/settings.ts';
import { type FailedAttempt, foundNobody, mayRetry } from '../../../src/proxy/retry.ts';
import { RetryBudget } from '../../../src/proxy/retry-budget.ts';

const settings: RetrySettings = {
  attempts: 2,
  on: ['connect_failure', 'reset', 'timeout', 502, 503, 504],
  methods: 'idempotent',
  perTryTimeoutMs: null,
  budget: 0.2,
  minPerSecond: 10,
  bufferBytes: 65_536,
  rescueMs: null,
  outageMs: null,
  hedge: null,
};

function failed(outcome: OutcomeClass, changes: Partial<FailedAttempt> = {}): FailedAttempt {
  return {
    outcome,
    status: 0,
    method: 'GET',
    requestBegun: !outcome.startsWith('connect_'),
    replayable: true,
    elsewhere: true,
    degraded: false,
    attempts: 1,
    panic: false,
    crowded: false,
    ...changes,
  };
}

describe('mayRetry', () => {
  it.each<[string, FailedAttempt, boolean]>([
    ['a refused connection, whatever the method', failed('connect_refused', { method: 'POST' }), true],
    ['a connect time-out, whatever the method', failed('connect_timeout', { method: 'PATCH' }), true],
    ['a reset of an idempotent request', failed('reset'), true],
    ['a reset of a PUT whose body is held', failed('reset', { method: 'PUT' }), true],
    ['a reset of a POST that may have been processed', failed('reset', { method: 'POST' }), false],
    ['a reset of an unknown method', failed('reset', { method: 'FROB' }), false],
    ['a request whose body is gone', failed('reset', { method: 'PUT', replayable: false }), false],
    [
      'a reset when only the same backend is left: its connection was stale',
      failed('reset', { elsewhere: false }),
      true,
    ],
    ['a refused connection when only the same backend is left', failed('connect_refused', { elsewhere: false }), false],
    ['a head cut short', failed('truncated'), true],
    ['a body cut short', failed('truncated', { status: 200 }), false],
    ['an answer that makes no sense', failed('malformed'), false],
    ['no answer in time', failed('timeout'), true],
    ['no answer in time to a POST', failed('timeout', { method: 'POST' }), false],
    ['a stalled body', failed('timeout', { status: 200 }), false],
    ['a 503', failed('http_gateway', { status: 503 }), true],
    ['a 503 to a POST', failed('http_gateway', { status: 503, method: 'POST' }), false],
    ['a 503 of the only backend', failed('http_gateway', { status: 503, elsewhere: false }), false],
    [
      'a 503 of all that are left in service',
      failed('http_gateway', { status: 503, elsewhere: false, degraded: true, attempts: 2 }),
      true,
    ],
    [
      'a 503 to a POST of all that are left in service',
      failed('http_gateway', { status: 503, elsewhere: false, degraded: true, method: 'POST' }),
      false,
    ],
    [
      'a refused connection of all that are left in service',
      failed('connect_refused', { elsewhere: false, degraded: true }),
      false,
    ],
    ['a 500', failed('http_5xx', { status: 500 }), false],
    ['a stream that the backend has not begun', failed('refused', { method: 'POST', requestBegun: false }), true],
    ['a stream above its GOAWAY', failed('unprocessed', { method: 'POST', requestBegun: false }), true],
    ['our own shortage', failed('local_error', { requestBegun: false }), false],
    ['a client that left', failed('client_abort'), false],
    ['the last attempt', failed('connect_refused', { attempts: 3 }), false],
    ['the second attempt of three', failed('connect_refused', { attempts: 2 }), true],
    ['the first attempt in panic', failed('connect_refused', { panic: true }), true],
    ['the second attempt in panic', failed('connect_refused', { panic: true, attempts: 2 }), true],
    [
      'the second attempt in panic while others wait for room',
      failed('connect_refused', { panic: true, crowded: true, attempts: 2 }),
      false,
    ],
  ])('%s', (_, attempt, expected) => {
    expect(mayRetry(attempt, settings)).toBe(expected);
  });

  it('does nothing that the configuration does not list', () => {
    expect(mayRetry(failed('reset'), { ...settings, on: ['connect_failure'] })).toBe(false);
    expect(mayRetry(failed('http_gateway', { status: 503 }), { ...settings, on: [502] })).toBe(false);
    expect(mayRetry(failed('connect_refused'), { ...settings, attempts: 0 })).toBe(false);
  });

  it('tries a 500 again only where the configuration lists it, and the method allows it', () => {
    const listing = { ...settings, on: [500] as const };
    expect(mayRetry(failed('http_5xx', { status: 500 }), listing)).toBe(true);
    expect(mayRetry(failed('http_5xx', { status: 500, method: 'POST' }), listing)).toBe(false);
    expect(mayRetry(failed('http_5xx', { status: 501 }), listing)).toBe(false);
  });

  it('sends what the configuration calls repeatable', () => {
    const post = failed('reset', { method: 'POST' });
    expect(mayRetry(post, { ...settings, methods: 'all' })).toBe(true);
    expect(mayRetry(post, { ...settings, methods: ['POST'] })).toBe(true);
    expect(mayRetry(failed('reset'), { ...settings, methods: ['POST'] })).toBe(false);
  });
});

describe('foundNobody', () => {
  it.each<[string, FailedAttempt, boolean]>([
    ['nobody is left', failed('connect_refused', { elsewhere: false, method: 'POST' }), true],
    ['nobody is left, and the last did not answer', failed('connect_timeout', { elsewhere: false }), true],
    ['a pool in panic, of which some were not tried', failed('connect_refused', { panic: true, attempts: 3 }), true],
    ['others are well', failed('connect_refused', { attempts: 3 }), false],
    ['the last has the certificate of another', failed('connect_error', { elsewhere: false }), false],
    ['somebody took the connection', failed('reset', { elsewhere: false, method: 'POST' }), false],
    ['what was sent before is gone', failed('connect_refused', { elsewhere: false, replayable: false }), false],
  ])('%s', (_what, attempt, expected) => {
    expect(foundNobody(attempt, settings)).toBe(expected);
  });

  it('is for those who try again', () => {
    const attempt = failed('connect_refused', { elsewhere: false });
    expect(foundNobody(attempt, { ...settings, attempts: 0 })).toBe(false);
    expect(foundNobody(attempt, { ...settings, on: ['reset'] })).toBe(false);
  });
});

describe('RetryBudget', () => {
  it('allows the floor, and then a share of the requests', () => {
    const budget = new RetryBudget({ ...settings, budget: 0.2, minPerSecond: 1 });
    const spend = (nowMs: number) => {
      let spent = 0;
      while (budget.withdraw(nowMs)) spent++;
      return spent;
    };
    expect(spend(100)).toBe(10);
    for (let i = 0; i < 100; i++) budget.deposit(200);
    expect(spend(200)).toBe(20);
    expect(spend(20_000)).toBe(10);
  });

  it('counts what brings nothing twice, as long as most brings an answer', () => {
    /** Retries that 100 requests may cause; the fifth part of them is 20. */
    const spend = (succeeds: (retry: number) => boolean) => {
      const budget = new RetryBudget({ ...settings, budget: 0.2, minPerSecond: 0 });
      for (let i = 0; i < 100; i++) budget.deposit(0);
      let retries = 0;
      while (retries < 1_000 && budget.withdraw(0)) {
        if (succeeds(retries)) budget.repay(0);
        retries++;
      }
      return retries;
    };
    expect(spend(() => false)).toBe(20);
    expect(spend((retry) => retry % 2 === 0)).toBe(20);
    // Of 38, ten have failed.
    expect(spend((retry) => retry % 4 !== 1)).toBe(38);
    expect(spend(() => true)).toBe(1_000);
  });

  it('forgets what was repaid with what was spent', () => {
    const budget = new RetryBudget({ ...settings, budget: 0, minPerSecond: 1 });
    for (let i = 0; i < 50; i++) {
      expect(budget.withdraw(100)).toBe(true);
      budget.repay(100);
    }
    expect(budget.withdraw(9_900)).toBe(true);
    budget.repay(100);
    let left = 0;
    while (budget.withdraw(12_000)) left++;
    // The one that was not repaid is still counted, and nothing beside it.
    expect(left).toBe(9);
  });

  /** Of a minute of requests whose attempts fail with this chance: shares that were lost, and tried again. */
  function flakyMinute(failing: number, everyMs = 1) {
    const rng = createRng('flaky');
    const budget = new RetryBudget(settings);
    let lost = 0;
    let retries = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += everyMs) {
      budget.deposit(nowMs);
      let attempts = 1;
      while (rng.next() < failing) {
        if (attempts > settings.attempts || !budget.withdraw(nowMs)) {
          lost++;
          attempts = 0;
          break;
        }
        attempts++;
        retries++;
      }
      if (attempts > 1) budget.repay(nowMs);
    }
    const requests = 60_000 / everyMs;
    return { lost: lost / requests, retries: retries / requests };
  }

  it('leaves little of what all backends fail now and then', () => {
    // What is left by two retries without a budget: 0.027; by a budget for all of them: 0.15.
    expect(flakyMinute(0.3).lost).toBeLessThan(0.065);
    expect(flakyMinute(0.3, 4).lost).toBeLessThan(0.04);
  });

  it('multiplies no overload, and nothing by much', () => {
    for (let failing = 0.5; failing <= 1; failing += 0.1) expect(flakyMinute(failing).retries).toBeLessThan(0.215);
    for (let failing = 0; failing <= 1; failing += 0.02) expect(flakyMinute(failing).retries).toBeLessThan(0.38);
  });
});
