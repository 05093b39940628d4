/**
 * From the results of a run and the backends' ledger to the figures of a cell. A request has failed when its one right
 * answer did not come whole: whatever else came, and whoever is to blame.
 */

/** An answer later than this is of no use to somebody who waits. */
const GOOD_WITHIN_MS = 250;

/**
 * @typedef {object} Figures
 * @property {number} requests
 * @property {number} failedGet
 * @property {number} failedPost
 * @property {number} wrong  whole answers to something else, or not what was asked: never excusable
 * @property {number} duplicatePosts  POSTs that were executed more than once
 * @property {number} attemptsPerRequest  executions for each request
 * @property {number} p50Ms  of those answered, from when they were due
 * @property {number} p99Ms
 * @property {number} maxMs
 * @property {number} failedP50Ms  of those that failed
 * @property {number} longestMs  of all, failed ones included
 * @property {number} worstSecond  the least share of one second's requests that was answered within 250 ms
 * @property {number | null} lastFailureSeconds  from the fault to when the last request that failed was due; null = none failed
 * @property {Record<string, number>} failures  by kind
 */

/**
 * @param {import('./load.mjs').Result[]} results
 * @param {Map<string, number>} executions
 * @param {number} faultAtMs
 * @returns {Figures}
 */
export function judge(results, executions, faultAtMs) {
  const failed = results.filter(({ failure }) => failure !== '');
  const answered = results.filter(({ failure }) => failure === '').map(({ tookMs }) => tookMs);
  answered.sort((a, b) => a - b);
  const executed = results.map(({ id }) => executions.get(id) ?? 0);
  const last = failed.at(-1);
  return {
    requests: results.length,
    failedGet: failed.filter(({ method }) => method === 'GET').length,
    failedPost: failed.filter(({ method }) => method === 'POST').length,
    wrong: failed.filter(({ failure }) => failure === 'wrong answer').length,
    duplicatePosts: results.filter(({ method }, n) => method === 'POST' && (executed[n] ?? 0) > 1).length,
    attemptsPerRequest: executed.reduce((sum, count) => sum + count, 0) / results.length,
    p50Ms: quantile(answered, 0.5),
    p99Ms: quantile(answered, 0.99),
    maxMs: answered.at(-1) ?? 0,
    failedP50Ms: quantile(
      failed.map(({ tookMs }) => tookMs).sort((a, b) => a - b),
      0.5,
    ),
    longestMs: Math.max(...results.map(({ tookMs }) => tookMs)),
    worstSecond: worstSecond(results),
    lastFailureSeconds: last === undefined ? null : (last.dueMs - faultAtMs) / 1_000,
    failures: tally(failed.map(({ failure }) => failure)),
  };
}

/** @param {number[]} sorted @param {number} share */
function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** @param {import('./load.mjs').Result[]} results */
function worstSecond(results) {
  /** @type {{ all: number, good: number }[]} */
  const seconds = [];
  for (const { dueMs, tookMs, failure } of results) {
    const second = Math.floor(dueMs / 1_000);
    const counts = seconds[second] ?? { all: 0, good: 0 };
    seconds[second] = counts;
    counts.all++;
    if (failure === '' && tookMs <= GOOD_WITHIN_MS) counts.good++;
  }
  return Math.min(...seconds.map(({ all, good }) => good / all));
}

/** @param {string[]} names @returns {Record<string, number>} */
function tally(names) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
