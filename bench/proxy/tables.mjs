/** The comparison as text, from the JSON that a run wrote: the same on the terminal and in the documentation. */

import { round, table, withSpread } from '../lib/figures.mjs';

/**
 * @typedef {import('../lib/figures.mjs').Figure} Figure
 * @typedef {Record<string, Figure | number>} Figures  a number: `errors`, of all runs
 * @typedef {{ name: string, version: string, figures: Figures }} TargetResult
 *
 * @typedef {object} RowResult  of a parsed results/proxy.json
 * @property {string} name
 * @property {string} kind
 * @property {string} title
 * @property {string} [per]
 * @property {string} [tool]
 * @property {number} [connections]
 * @property {ReturnType<typeof import('../lib/machine.mjs').describeMachine>} machine
 * @property {{ runs: number, seconds: number }} options
 * @property {{ name: string, why: string }[]} left
 * @property {TargetResult[]} targets
 */

/** @typedef {{ key: string, title: string, digits: number, spread?: boolean, isRelative?: boolean }} Column  relative: shown against nginx too */

const YARDSTICKS = ['nginx', 'haproxy', 'http-proxy'];

/** @type {Record<string, (row: RowResult) => Column[]>} */
const COLUMNS = {
  throughput: ({ per = 'request', tool = '' }) => [
    { key: 'cpuUs', title: `CPU µs per ${per}`, digits: 1, spread: true, isRelative: true },
    { key: 'perSecond', title: `${per === 'echo' ? 'echoes' : `${per}s`}/s (${tool})`, digits: 0, spread: true },
    { key: 'p50Ms', title: 'p50 ms', digits: 2 },
    { key: 'p99Ms', title: 'p99 ms', digits: 2 },
    { key: 'meanMs', title: 'mean ms', digits: 2 },
  ],
  latency: () => [
    { key: 'addedP99Ms', title: 'p99 added, ms', digits: 2, spread: true },
    { key: 'addedP50Ms', title: 'p50 added, ms', digits: 2, spread: true },
    { key: 'perSecond', title: 'requests/s', digits: 0 },
    { key: 'p50Ms', title: 'p50 ms', digits: 2 },
    { key: 'p99Ms', title: 'p99 ms', digits: 2 },
    { key: 'p999Ms', title: 'p99.9 ms', digits: 2 },
    { key: 'lateMs', title: 'client late, ms', digits: 1 },
  ],
  memory: () => [
    { key: 'kib', title: 'KiB', digits: 1, spread: true, isRelative: true },
    { key: 'cpuPercent', title: '% of a core, all of them', digits: 1, spread: true },
  ],
};

/**
 * One line for each target, with what failed beside the program's name. Columns that not everybody has are left out.
 * @param {RowResult} row
 */
export function rowTable(row) {
  const nginx = row.targets.find(({ name }) => name === 'nginx');
  const columns = (COLUMNS[row.kind]?.(row) ?? []).filter(({ key }) =>
    row.targets.every(({ figures }) => figures[key] !== undefined),
  );
  const unitOf = (/** @type {Column} */ { key, isRelative }) =>
    isRelative && nginx !== undefined ? medianOf(nginx, key) : null;
  const head = columns.flatMap((column) => [column.title, ...(unitOf(column) === null ? [] : ['of nginx'])]);
  const rows = row.targets.map((target) => {
    const errors = Number(target.figures.errors ?? 0);
    const name = `${target.name} ${target.version}`.trim() + (errors === 0 ? '' : ` (${round(errors, 0)} failed)`);
    const cells = columns.flatMap((column) => {
      const figure = /** @type {Figure} */ (target.figures[column.key]);
      const text = column.spread ? withSpread(figure, column.digits) : round(figure.median, column.digits);
      const unit = unitOf(column);
      return unit === null ? [text] : [text, `${round(figure.median / unit, 2)}x`];
    });
    return [name, ...cells];
  });
  return table(['proxy', ...head], rows);
}

/** Who was to be measured and was not, and why; empty when all were. @param {RowResult} row */
export function leftOut({ left }) {
  return left.map(({ name, why }) => `\`${name}\` is left out: ${why}.`).join(' ');
}

/** What a request costs Pulsegate against the yardsticks, and what health costs Pulsegate. @param {RowResult} row */
export function ratios(row) {
  const own = cpuOf(row, 'pulsegate');
  if (own === null) return 'Pulsegate was not measured in this run.';
  const parts = YARDSTICKS.flatMap((name) => {
    const other = cpuOf(row, name);
    return other === null ? [] : [`${round(own / other, 2)}x of ${name}`];
  });
  const bare = cpuOf(row, 'pulsegate-bare');
  const percent = bare === null ? null : round((own / bare - 1) * 100, 1);
  const cost = percent === null || own <= Number(bare) ? 'less than the runs differ by' : `${percent} % of CPU`;
  const health = percent === null ? '' : ` Probes and outlier detection: ${cost}.`;
  return `CPU per request of Pulsegate: ${parts.join(', ') || 'no peer was measured'}.${health}`;
}

const ON_NODE = ['http-proxy', 'http-proxy-3', 'httpxy', 'fastify-http-proxy', 'node-http-undici', 'node-http2'];
const SERVERS = ['nginx', 'haproxy', 'caddy'];

/** What a row's overview is about. @type {Record<string, { key: string, unit: string, digits: number }>} */
const HEADLINES = {
  throughput: { key: 'cpuUs', unit: 'µs of CPU', digits: 1 },
  latency: { key: 'p99Ms', unit: 'ms, p99', digits: 2 },
  memory: { key: 'kib', unit: 'KiB', digits: 1 },
};

/**
 * All rows at a glance: Pulsegate's figure, and what the others need as a multiple of it; below one, they need less. The rows that
 * were measured are all there, whoever wins.
 * @param {RowResult[]} rows
 */
export function overview(rows) {
  const lines = rows.flatMap((row) => {
    const headline = HEADLINES[row.kind];
    const unit = headlineOf(row, 'pulsegate');
    if (headline === undefined || unit === null) return [];
    const relative = (/** @type {number | null} */ value) =>
      value === null || unit === 0 ? '' : `${round(value / unit, 2)}x`;
    const best = ON_NODE.flatMap((name) => {
      const value = headlineOf(row, name);
      return value === null ? [] : [{ name, value }];
    }).sort((a, b) => a.value - b.value)[0];
    const onNode = best === undefined ? '' : `${relative(best.value)} (${best.name})`;
    const cells = SERVERS.map((name) => relative(headlineOf(row, name)));
    return [[row.title, `${round(unit, headline.digits)} ${headline.unit}`, ...cells, onNode]];
  });
  return table(['', 'pulsegate', ...SERVERS, 'best of those on Node'], lines);
}

/** What the overview compares, of one program; null when it was not measured. @param {RowResult} row @param {string} name */
export function headlineOf(row, name) {
  const headline = HEADLINES[row.kind];
  return headline === undefined ? null : medianIn(row, name, headline.key);
}

/** Median CPU time per request; null when the target was not measured. @param {RowResult} row @param {string} name */
function cpuOf(row, name) {
  return medianIn(row, name, 'cpuUs');
}

/** A program's median; null when it was not measured. @param {RowResult} row @param {string} name @param {string} key */
export function medianIn(row, name, key) {
  const target = row.targets.find((candidate) => candidate.name === name);
  return target === undefined ? null : medianOf(target, key);
}

/** @param {TargetResult} target @param {string} key */
function medianOf({ figures }, key) {
  const figure = /** @type {Figure | undefined} */ (figures[key]);
  return figure?.median ?? null;
}
