/** The scoreboard as Markdown, from the JSON that a run wrote: the same on the terminal and in the documentation. */

import { round, table } from '../lib/figures.mjs';

/**
 * @typedef {import('./summary.mjs').Summary} Summary
 * @typedef {{ name: string, title: string, targets: { name: string, summary: Summary }[] }} RowResult
 * @typedef {{ targets: { name: string, version: string }[], rows: RowResult[] }} Result  a parsed results/faults.json
 */

/** Failed GET/POST, p99 and longest of the rest. The best of a row is bold where they differ. @param {Result} result */
export function scoreboard(result) {
  return perTarget(result, (summary, row) => {
    const failed = `${count(summary.failedGet)}/${count(summary.failedPost)}`;
    const isBest = isBetter(row, summary);
    return `${isBest ? `**${failed}**` : failed}, ${round(summary.p99Ms, 0)}, ${round(summary.maxMs, 0)}`;
  });
}

/** POSTs executed twice, the worst second, and how long failures went on. @param {Result} result */
export function details(result) {
  return perTarget(result, ({ duplicatePosts, worstSecond, lastFailureSeconds, wrong }) => {
    const last = lastFailureSeconds === null ? '–' : `${round(lastFailureSeconds, 1)} s`;
    const mixed = wrong === 0 ? '' : `, ${wrong} WRONG`;
    return `${duplicatePosts}, ${round(worstSecond * 100, 0)} %, ${last}${mixed}`;
  });
}

/** @param {Result} result @param {(summary: Summary, row: RowResult) => string} cell */
function perTarget(result, cell) {
  return table(
    ['fault', ...result.targets.map(({ name, version }) => `${name} ${version}`.trim())],
    result.rows.map((row) => [row.title, ...row.targets.map(({ summary }) => cell(summary, row))]),
  );
}

/** Nobody lost fewer requests in this row, and somebody lost more. @param {RowResult} row @param {Summary} summary */
function isBetter({ targets }, summary) {
  const losses = targets.map((target) => lossOf(target.summary));
  const own = lossOf(summary);
  return losses.every((loss) => own <= loss) && losses.some((loss) => own < loss);
}

/** @param {Summary} summary */
export function lossOf({ failedGet, failedPost }) {
  return failedGet + failedPost;
}

/** Medians of two runs may be halves. @param {number} value */
function count(value) {
  return round(value, Number.isInteger(value) ? 0 : 1);
}
