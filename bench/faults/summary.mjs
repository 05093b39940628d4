/** Medians over the runs of a cell. A count that must be zero is not a matter of medians: the worst run counts. */

import { summarise } from '../lib/figures.mjs';

/**
 * @typedef {object} Summary
 * @property {number} failedGet
 * @property {number} failedPost
 * @property {number} worstFailed  requests, of the worst run
 * @property {number} wrong  of the worst run
 * @property {number} duplicatePosts  of the worst run
 * @property {number} attemptsPerRequest
 * @property {number} p99Ms
 * @property {number} maxMs
 * @property {number} longestMs  of the worst run
 * @property {number} worstSecond
 * @property {boolean} survived  every run: otherwise the proxy itself had ended
 * @property {number | null} lastFailureSeconds  null = at least half of the runs had none
 */

/** @param {import('./cell.mjs').Run[]} runs at least one @returns {Summary} */
export function summary(runs) {
  const median = (/** @type {(run: import('./cell.mjs').Run) => number} */ of) => summarise(runs.map(of)).median;
  const worst = (/** @type {(run: import('./cell.mjs').Run) => number} */ of) => Math.max(...runs.map(of));
  const last = median((run) => run.lastFailureSeconds ?? Number.NEGATIVE_INFINITY);
  return {
    failedGet: median((run) => run.failedGet),
    failedPost: median((run) => run.failedPost),
    worstFailed: worst((run) => run.failedGet + run.failedPost),
    wrong: worst((run) => run.wrong),
    duplicatePosts: worst((run) => run.duplicatePosts),
    attemptsPerRequest: median((run) => run.attemptsPerRequest),
    p99Ms: median((run) => run.p99Ms),
    maxMs: median((run) => run.maxMs),
    longestMs: worst((run) => run.longestMs),
    worstSecond: median((run) => run.worstSecond),
    survived: runs.every((run) => run.survived),
    lastFailureSeconds: Number.isFinite(last) ? last : null,
  };
}
