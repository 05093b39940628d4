/** The scoreboard as Markdown, from the JSON that a run wrote: the same on the terminal and in the documentation. */

import { round, table } from '../lib/figures.mjs';

/**
 * @typedef {import('./summary.mjs').Summary} Summary
 * @typedef {object} RowResult  of a parsed results/faults.json
 * @property {string} name
 * @property {string} title
 * @property {ReturnType<typeof import('../lib/machine.mjs').describeMachine>} machine
 * @property {{ runs: number, seconds: number, rate: number }} options
 * @property {string} [notes]
 * @property {{ name: string, why: string }[]} left  out of the row
 * @property {{ name: string, version: string, summary: Summary }[]} targets
 */

/** Failed GET/POST, p99 and longest of the rest. The best of a row is bold where they differ. @param {readonly RowResult[]} rows */
export function scoreboard(rows) {
  return perTarget(rows, (summary, row) => {
    const failed = `${count(summary.failedGet)}/${count(summary.failedPost)}`;
    const worst = summary.worstFailed > lossOf(summary) ? ` (worst ${count(summary.worstFailed)})` : '';
    const shown = isBest(row, summary) ? `**${failed}**` : failed;
    const died = summary.survived ? '' : ' (it ended)';
    return `${shown}${worst}${died}, ${round(summary.p99Ms, 0)}, ${round(summary.maxMs, 0)}`;
  });
}

/** POSTs executed twice, the worst second, how long failures went on, and tries per request. @param {readonly RowResult[]} rows */
export function details(rows) {
  return perTarget(rows, ({ duplicatePosts, worstSecond, lastFailureSeconds, attemptsPerRequest, wrong }) => {
    const last = lastFailureSeconds === null ? '–' : `${round(lastFailureSeconds, 1)} s`;
    const mixed = wrong === 0 ? '' : `, ${wrong} WRONG`;
    return `${duplicatePosts}, ${round(worstSecond * 100, 0)} %, ${last}, ${round(attemptsPerRequest, 2)}${mixed}`;
  });
}

const SHORT = ['pulsegate', 'nginx', 'haproxy', 'caddy', 'http-proxy-3', 'node-undici'];

/** For those who have a minute: requests that failed, in the rows in which some did. @param {readonly RowResult[]} rows */
export function losses(rows) {
  const columns = SHORT.filter((name) => rows.some(({ targets }) => targets.some((target) => target.name === name)));
  const lines = rows.flatMap(({ title, targets }) => {
    const lost = columns.map((name) => targets.find((target) => target.name === name)?.summary);
    if (!lost.some((summary) => summary !== undefined && lossOf(summary) > 0)) return [];
    return [[title, ...lost.map((summary) => (summary === undefined ? '–' : count(lossOf(summary))))]];
  });
  return table(['', ...columns], lines);
}

/** Who was to be measured and was not, and why; empty when all were. @param {readonly RowResult[]} rows */
export function leftOut(rows) {
  return rows
    .flatMap(({ title, left }) => left.map(({ name, why }) => `${title}: \`${name}\` is left out: ${why}.`))
    .join(' ');
}

/** Everybody who is in any row, in the order of the first that has most of them. @param {readonly RowResult[]} rows */
export function columnsOf(rows) {
  /** @type {Map<string, string>} */
  const versions = new Map();
  const byBreadth = [...rows].sort((a, b) => b.targets.length - a.targets.length);
  for (const { targets } of byBreadth)
    for (const { name, version } of targets) if (!versions.has(name)) versions.set(name, version);
  return [...versions].map(([name, version]) => ({ name, version }));
}

/** @param {readonly RowResult[]} rows @param {(summary: Summary, row: RowResult) => string} cell */
function perTarget(rows, cell) {
  const columns = columnsOf(rows);
  return table(
    ['fault', ...columns.map(({ name, version }) => `${name} ${version}`.trim())],
    rows.map((row) => [
      row.title,
      ...columns.map(({ name }) => {
        const target = row.targets.find((target) => target.name === name);
        return target === undefined ? '–' : cell(target.summary, row);
      }),
    ]),
  );
}

/** Nobody lost fewer requests in this row, and somebody lost more. @param {RowResult} row @param {Summary} summary */
function isBest({ targets }, summary) {
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
