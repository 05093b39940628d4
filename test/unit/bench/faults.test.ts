/** The judge of the fault scoreboard: whatever is not the one right answer has failed, and a POST executed twice is seen. */

import { describe, expect, it } from 'vitest';
import { benchModule, type FaultResult } from './modules.ts';

const { judge } = await benchModule('faults/oracle.mjs');
const { summary } = await benchModule('faults/summary.mjs');
const { answerTo } = await benchModule('faults/exchange.mjs');
const { ROWS } = await benchModule('faults/rows.mjs');

const result = (id: string, more: Partial<FaultResult> = {}): FaultResult => ({
  id,
  method: 'GET',
  dueMs: 0,
  tookMs: 5,
  failure: '',
  ...more,
});
const once = (results: readonly FaultResult[]) => new Map(results.map(({ id }) => [id, 1]));

describe('a run', () => {
  it('has failed requests by method and kind, and the last of them by the time of the fault', () => {
    const results = [
      result('a'),
      result('b', { dueMs: 2_000, failure: '503 (proxy)' }),
      result('c', { method: 'POST', dueMs: 3_500, failure: 'cut short' }),
      result('d', { dueMs: 4_000 }),
    ];
    expect(judge(results, once(results), 1_500)).toMatchObject({
      requests: 4,
      failedGet: 1,
      failedPost: 1,
      lastFailureSeconds: 2,
      failures: { '503 (proxy)': 1, 'cut short': 1 },
      duplicatePosts: 0,
      attemptsPerRequest: 1,
    });
  });

  it('counts a POST that was executed twice, even if it was answered rightly; a GET may be', () => {
    const results = [result('get'), result('post', { method: 'POST' })];
    const executions = new Map([
      ['get', 2],
      ['post', 2],
    ]);
    expect(judge(results, executions, 0)).toMatchObject({ duplicatePosts: 1, attemptsPerRequest: 2 });
  });

  it('takes p99 and the longest from those that were answered, and the worst second from all', () => {
    const late = result('late', { dueMs: 1_200, tookMs: 900 });
    const failed = result('failed', { dueMs: 1_300, tookMs: 9_000, failure: 'no answer' });
    const results = [result('a'), result('b', { dueMs: 1_100 }), late, failed];
    expect(judge(results, once(results), 0)).toMatchObject({ maxMs: 900, longestMs: 9_000, worstSecond: 1 / 3 });
  });

  it('knows a wrong answer from a failed one', () => {
    const results = [result('a', { failure: 'wrong answer' })];
    expect(judge(results, once(results), 0)).toMatchObject({ wrong: 1, failedGet: 1 });
  });
});

describe('several runs', () => {
  const run = (failedGet: number, duplicatePosts: number, lastFailureSeconds: number | null) => ({
    ...judge([result('a')], new Map([['a', 1]]), 0),
    failedGet,
    duplicatePosts,
    lastFailureSeconds,
    survived: failedGet < 9,
  });

  it('give medians, the worst beside them, and duplicates of the worst', () => {
    expect(summary([run(0, 0, null), run(9, 1, 4), run(1, 0, 2)])).toMatchObject({
      failedGet: 1,
      worstFailed: 9,
      duplicatePosts: 1,
      lastFailureSeconds: 2,
      survived: false,
    });
  });

  it('have no last failure when most had none', () => {
    expect(summary([run(0, 0, null), run(0, 0, null), run(2, 0, 1)])).toMatchObject({ lastFailureSeconds: null });
  });
});

describe('the right answer', () => {
  it('depends on the backend, the request and its body, and is as long as asked', () => {
    const answers = [
      answerTo('a', '1', ''),
      answerTo('b', '1', ''),
      answerTo('a', '2', ''),
      answerTo('a', '1', 'body'),
    ];
    expect(new Set(answers).size).toBe(4);
    expect(answerTo('a', '1', '', 65_536).length).toBe(65_536);
  });
});

it('every fault that is promised is a row', () => {
  const names = ROWS.filter(({ extra }) => extra !== true).map(({ name }) => name);
  expect(names).toHaveLength(18);
  expect(names).toEqual(expect.arrayContaining(['kill', 'stop', 'hang', 'cut', 'killall', 'race', 'proxystop']));
});
