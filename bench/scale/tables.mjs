/** The results of the scale bench as text: on the terminal, and in docs/scale.md between its marks. Tables are never typed by hand. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { round, table } from '../lib/figures.mjs';
import { root } from '../lib/machine.mjs';
import { inserted } from '../lib/places.mjs';
import { capacityOf, memoryPerBackend, needsOf } from './arithmetic.mjs';

const PAGE = join(root, 'docs/scale.md');

/** @typedef {import('./arithmetic.mjs').Result} Result */

/** Paragraphs of Markdown. @param {Result} result a parsed results/scale.json @returns {string[]} */
export function scaleSections(result) {
  const { results, profile, options } = result;
  return [
    where(result),
    '**Probes alone**, with the default settings: each backend every five seconds.',
    probingTable(result),
    '**Heartbeats**, signed, while probes go on: microseconds of CPU for each.',
    heartbeatTable(result),
    `**Traffic** of ${options.rate} requests per second, and how late the event loop ran at the worst of a hundred times.`,
    trafficTable(result),
    '**Deaths**: from the reset of a backend to its removal from service, under that traffic.',
    detectionTable(result),
    '**The parts by themselves**, without sockets: one backend changes and the whole pool is settled; the snapshot that follows; a pick; a success recorded; the review of every window, once a second.',
    partsTable(result),
    ...(profile === null ? [] : profileSections(profile, results.at(-1)?.backends ?? 0)),
    ...capacitySections(result),
  ];
}

/** Writes them into the page. @param {Result} result */
export function renderPage(result) {
  writeFileSync(PAGE, withSections(readFileSync(PAGE, 'utf8'), result));
}

/** The page with these results. @param {string} page @param {Result} result */
export function withSections(page, result) {
  return inserted(page, 'scale', `${scaleSections(result).join('\n\n')}\n`);
}

/** @param {Result} result */
function where({ machine, seconds }) {
  const { node, cpu, cpus, kernel, commit, date, pinned } = machine;
  const place = pinned ? 'proxy on one CPU, load and backends on another' : 'processes not pinned';
  return `Node ${node.slice(1)}, ${cpu}, ${cpus} CPUs, Linux ${kernel}, ${place}; commit ${commit}, ${date.slice(0, 10)}; ${seconds} s in all.`;
}

/** @param {Result} result */
function probingTable(result) {
  const head = [
    'backends',
    'all up after, s',
    'probes/s',
    '% of a core',
    'µs per probe',
    'late p99, ms',
    'resident MiB',
    'KiB per backend',
  ];
  const rows = result.results.map((each) => {
    const { backends, start, probing, memory } = each;
    const perBackend = memoryPerBackend(result, each);
    return [
      round(backends, 0),
      round(start.allUpMs / 1_000, 1) + (start.up < backends ? ` (${round(start.up, 0)} of them)` : ''),
      round(probing.perSecond, 0),
      round(probing.cpuPercent, 1),
      round(probing.usPerProbe, 0),
      round(probing.lagP99Ms, 1),
      round(memory.residentMib, 0),
      perBackend === null ? '–' : round(perBackend, 1),
    ];
  });
  return table(head, rows);
}

/** @param {Result} result */
function heartbeatTable({ results }) {
  const head = ['backends', 'per second', 'HTTP, µs', 'in batches, µs', 'UDP, µs', 'refused', 'late p99, ms (HTTP)'];
  const rows = results.map(({ backends, heartbeats: { http, batch, udp } }) => [
    round(backends, 0),
    round(http.perSecond, 0),
    ...[http, batch, udp].map(({ usEach }) => round(usEach, 0)),
    round(http.refused + batch.refused, 0),
    round(http.lagP99Ms, 1),
  ]);
  return table(head, rows);
}

/** @param {Result} result */
function trafficTable({ results }) {
  const head = ['backends', 'µs of CPU per request', 'p50 ms', 'p99 ms', 'failed', 'late p99, ms'];
  const rows = results.map(({ backends, traffic }) => [
    round(backends, 0),
    round(traffic.usEach, 0),
    round(traffic.p50Ms, 1),
    round(traffic.p99Ms, 1),
    round(traffic.failed, 0),
    round(traffic.lagP99Ms, 1),
  ]);
  return table(head, rows);
}

/** @param {Result} result */
function detectionTable({ results }) {
  const head = ['backends', 'killed', 'found', 'p50 s', 'longest s', 'requests', 'of them failed'];
  const seconds = (/** @type {number | null} */ ms) => (ms === null ? '–' : round(ms / 1_000, 2));
  const rows = results.map(({ backends, detection }) => [
    round(backends, 0),
    round(detection.victims, 0),
    round(detection.found, 0),
    seconds(detection.p50Ms),
    seconds(detection.maxMs),
    round(detection.requests, 0),
    round(detection.failed, 0),
  ]);
  return table(head, rows);
}

/** @param {Result} result */
function partsTable({ results }) {
  const head = ['backends', 'settled, ms', 'snapshot, ms', 'pick, ns', 'success, ns', 'review, ms', 'KiB per backend'];
  const rows = results.map(({ backends, parts }) => [
    round(backends, 0),
    round(parts.settleMs, 2),
    round(parts.snapshotMs, 2),
    round(parts.pickNs, 0),
    round(parts.outcomeNs, 0),
    round(parts.reviewMs, 2),
    round(parts.kibPerBackend, 1),
  ]);
  return table(head, rows);
}

/** @param {import('./profile.mjs').Summary} profile @param {number} backends */
function profileSections({ busyPercent, parts, functions }, backends) {
  const rows = (/** @type {import('./profile.mjs').Share[]} */ shares) =>
    shares.map(({ part, percent }) => [part.replaceAll('|', '\\|'), round(percent, 1)]);
  return [
    `**Where the CPU goes** with ${round(backends, 0)} backends, probes and traffic together; ${round(busyPercent, 0)} % of the time the process was busy, which is 100 % here.`,
    table(['part', '%'], rows(parts)),
    table(['function', '% by itself'], rows(functions)),
  ];
}

/** @param {Result} result */
function capacitySections(result) {
  const capacity = capacityOf(result);
  const head = ['half a core carries', 'backends'];
  const rows = [
    ['probes every 5 s', round(capacity.probes, 0)],
    ['probes every 5 s and heartbeats over HTTP every 2 s', round(capacity.http, 0)],
    ['probes every 5 s and heartbeats in batches every 2 s', round(capacity.batch, 0)],
    ['heartbeats in batches every 2 s, and no probes', round(capacity.batchAlone, 0)],
  ];
  const needs = needsOf(result, [
    [10_000, 1],
    [10_000, 4],
    [50_000, 4],
    [100_000, 16],
  ]);
  const columns = [
    'fleet',
    'proxies',
    '% of a core each, probes',
    'probes/s each backend answers',
    'descriptors each',
    'MiB each',
  ];
  return [
    `**What one core carries** beside traffic, from the costs at ${round(capacity.backends, 0)} backends.`,
    table(head, rows),
    '**Beyond one machine**, by the same costs, where every proxy probes every backend.',
    table(
      columns,
      needs.map((need) => [
        round(need.fleet, 0),
        round(need.proxies, 0),
        round(need.cpuPercent, 0),
        round(need.probesPerSecond, 1),
        round(need.descriptors, 0),
        round(need.mib, 0),
      ]),
    ),
  ];
}
