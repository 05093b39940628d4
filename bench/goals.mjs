/**
 * What the project set out to reach, and what was measured: each goal is a bound on one figure of bench/results, and nobody types in
 * whether it was met.
 */

import { round, table } from './lib/figures.mjs';
import { medianIn } from './proxy/tables.mjs';

/**
 * @typedef {import('./proxy/tables.mjs').RowResult} RowResult
 * @typedef {{ proxy: RowResult[], micro: { name: string, ns: { median: number } }[], scale: import('./scale/arithmetic.mjs').Result | null }} Results
 * @typedef {{ what: string, bound: number, isFloor?: boolean, unit: string, digits: number, of(results: Results): number | null }} Goal
 *   isFloor: at least, instead of at most; `of` is null when it was not measured
 */

/** @type {Goal[]} */
const GOALS = [
  ...againstPeers('1k', 'cpuUs', 'CPU per request', [
    ['nginx', 1.5],
    ['haproxy', 1.5],
    ['http-proxy', 0.27],
    ['http-proxy-3', 0.27],
    ['httpxy', 0.5],
    ['fastify-http-proxy', 0.5],
    ['node-http-undici', 0.5],
    ['caddy', 0.35],
  ]),
  ...againstPeers('half', 'addedP99Ms', 'p99 added at half of saturation', [['haproxy', 1.5]]),
  ...againstPeers('64k', 'perSecond', 'throughput of 64 KiB answers', [['nginx', 0.7]], true),
  ...againstPeers('1m', 'perSecond', 'throughput of 1 MiB answers', [['nginx', 0.7]], true),
  ...againstPeers('websocket', 'cpuUs', 'CPU per WebSocket echo', [['haproxy', 1.6]]),
  ...againstPeers('http2', 'cpuUs', 'CPU per HTTP/2 request over TLS', [['node-http2', 0.5]]),
  ...againstPeers('1k', 'cpuUs', 'CPU with health, of that without', [['pulsegate-bare', 1.05]]),
  ...[10, 1_000, 10_000].map((size) => inner(`pick: least_request, ${size} backends`, 150)),
  atScale('a success recorded, 10,000 backends', 100, 'ns', 0, ({ parts }) => parts.outcomeNs),
  atScale('snapshot of 10,000 backends', 10, 'ms', 1, ({ parts }) => parts.snapshotMs),
  atScale('2,000 probes a second', 50, '% of a core', 0, ({ probing }) => (probing.usPerProbe * 2_000) / 10_000),
  memory('idle', 'pulsegate', 'memory of an idle connection', 12),
  memory('backends', 'pulsegate, without probes', 'memory of a backend, not probed', 8),
  memory('backends', 'pulsegate, with probes', 'memory of a backend, probed', 8),
];

/** Every goal that something is known of. @param {Results} results */
export function goalsTable(results) {
  const rows = GOALS.flatMap((goal) => {
    const { what, bound, unit, digits, isFloor = false } = goal;
    const value = goal.of(results);
    if (value === null) return [];
    // As it is shown: what a digit cannot tell apart is not told apart.
    const shown = Number(value.toFixed(digits));
    const isMet = isFloor ? shown >= bound : shown <= bound;
    const withUnit = (/** @type {number} */ number) =>
      `${round(number, digits)}${unit.startsWith('x') ? unit : ` ${unit}`}`;
    return [[what, `${isFloor ? '≥' : '≤'} ${withUnit(bound)}`, withUnit(value), isMet ? 'met' : '**missed**']];
  });
  return table(['', 'goal', 'measured', ''], rows);
}

/** @param {string} row @param {string} key @param {string} what @param {readonly [string, number][]} peers @param {boolean} [isFloor] @returns {Goal[]} */
function againstPeers(row, key, what, peers, isFloor = false) {
  return peers.map(([peer, bound]) => ({
    what,
    bound,
    isFloor,
    unit: `x of ${peer}`,
    digits: 2,
    of: ({ proxy }) => {
      const own = figureOf(proxy, row, 'pulsegate', key);
      const other = figureOf(proxy, row, peer, key);
      return own === null || other === null || other <= 0 ? null : own / other;
    },
  }));
}

/** @param {string} name @param {number} bound @returns {Goal} */
function inner(name, bound) {
  const of = (/** @type {Results} */ { micro }) => micro.find((one) => one.name === name)?.ns.median ?? null;
  return { what: name, bound, unit: 'ns', digits: 0, of };
}

/** Of the largest fleet. @param {string} what @param {number} bound @param {string} unit @param {number} digits @param {(size: any) => number} read @returns {Goal} */
function atScale(what, bound, unit, digits, read) {
  const of = (/** @type {Results} */ { scale }) => {
    const largest = scale?.results.at(-1);
    return largest?.backends === 10_000 ? read(largest) : null;
  };
  return { what, bound, unit, digits, of };
}

/** @param {string} row @param {string} target @param {string} what @param {number} bound @returns {Goal} */
function memory(row, target, what, bound) {
  return { what, bound, unit: 'KiB', digits: 1, of: ({ proxy }) => figureOf(proxy, row, target, 'kib') };
}

/** A median; null when it was not measured. @param {RowResult[]} rows @param {string} row @param {string} target @param {string} key */
function figureOf(rows, row, target, key) {
  const measured = rows.find(({ name }) => name === row);
  return measured === undefined ? null : medianIn(measured, target, key);
}
