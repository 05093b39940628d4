/**
 * `npm run bench:faults`: the fault scoreboard. Every row befalls every proxy in turn (A B C A B C …): four backends, an
 * open-loop load, one in ten a POST, a fault after a quarter of the run. What counts is the requests that failed, POSTs
 * that were executed twice, and how late the others were. It ends within the time that it announces.
 *
 *   --only kill,hang    these rows; the results of the others stay, so that this resumes or repeats a part
 *   --targets a,b       of pulsegate, pulsegate+hedge, pulsegate-tuned, nginx, haproxy, caddy, http-proxy-3, node-undici
 *   --seconds S         a run, 6                    --rate N    requests per second, 300
 *   --runs N            of each cell, 1             --node PATH the binary for what runs on Node
 *   --quick             half the time: whether it works. Faults then come faster than the time-outs of some proxies bear
 *   --parallel N        cells at a time, 1; more than one is for a quick look, and pins nothing
 *   --late-ms MS        a run in which the client itself fell behind by more says nothing, and is repeated, 40
 *   --tries N           of such a run, 3
 *   --unpinned          leave the placing of processes to the kernel
 *   --out FILE          bench/results/faults.json   --configs   print what each proxy is given, and end
 *   --warm-up S         0.5                          --patience S  after which the client gives up, 10
 */

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMachine, root } from '../lib/machine.mjs';
import { chosen, duration, fail, positive, readArguments, say } from '../lib/options.mjs';
import { pinning } from '../lib/process.mjs';
import { readRows, writeRow } from '../lib/results.mjs';
import { runCell } from './cell.mjs';
import { TUNING } from './configs.mjs';
import { ROWS, RUN_SECONDS } from './rows.mjs';
import { summary } from './summary.mjs';
import { scoreboard } from './tables.mjs';
import { allTargets } from './targets.mjs';

/** Starting four backends and a proxy, proving it, and stopping them. */
const OVERHEAD_SECONDS = 1.5;

const options = readOptions();
const folder = mkdtempSync(join(tmpdir(), 'pulsegate-faults-'));
// Workers of other proxies drop their privileges and keep scratch files here.
chmodSync(folder, 0o755);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

if (options.configs) {
  printConfigs();
  process.exit(0);
}
const targets = chosenTargets();
const rows = chosen(ROWS, options.only, 'row').filter(({ extra }) => options.only !== undefined || extra !== true);
const cells = rows.map((row) => ({
  row,
  missing: options.runs * targets.length,
  left: /** @type {{ name: string, why: string }[]} */ ([]),
  targets: targets.map((target) => ({ target, runs: /** @type {any[]} */ ([]) })),
}));
const jobs = cells.flatMap((cell) =>
  Array.from({ length: options.runs }, () => cell.targets.map(({ target, runs }) => ({ cell, target, runs }))).flat(),
);
const usualSeconds =
  Math.ceil(jobs.length / options.parallel) * (options.seconds + options.warmUpSeconds + OVERHEAD_SECONDS);
const longestSeconds = (usualSeconds + (jobs.length * options.patienceMs) / 1_000) * options.tries;
say(`${jobs.length} runs, about ${duration(usualSeconds)}, at most ${duration(longestSeconds)}`);
setTimeout(() => fail('the time announced is over; what is written is whole'), longestSeconds * 1_000 + 60_000).unref();

await Promise.all(Array.from({ length: options.parallel }, work));
say(`\n${scoreboard(readRows(options.out))}\n\nA tuned Pulsegate would add to its upstream:\n  ${TUNING.join('\n  ')}`);
say(`\nwritten: ${options.out}`);
process.exit(0);

async function work() {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const { cell, target, runs } = job;
    try {
      if (!cell.left.some(({ name }) => name === target.name)) runs.push(await measured(cell.row, target));
    } catch (error) {
      const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      say(`${cell.row.name}, ${target.name}: left out: ${why}`);
      cell.left.push({ name: target.name, why });
    }
    cell.missing--;
    if (cell.missing === 0) write(cell);
  }
}

/** A run in which the load itself kept its schedule, or the last try. @param {import('./rows.mjs').Row} row @param {import('./targets.mjs').Target} target */
async function measured(row, target) {
  for (let tries = 1; ; tries++) {
    const figures = await runCell(row, target, { folder, ...options });
    const isVoid = figures.lateMs > options.lateMs && tries < options.tries;
    const standstill = `void, the load itself stood still for ${figures.lateMs.toFixed(0)} ms`;
    say(`${row.name}, ${target.name}: ${isVoid ? standstill : line(figures)}`);
    if (!isVoid) return figures;
  }
}

/** @param {import('./oracle.mjs').Figures} figures */
function line({
  failedGet,
  failedPost,
  duplicatePosts,
  p99Ms,
  maxMs,
  longestMs,
  worstSecond,
  lastFailureSeconds,
  failures,
}) {
  const last = lastFailureSeconds === null ? '' : `, last failure after ${lastFailureSeconds.toFixed(1)} s`;
  const kinds = Object.entries(failures).map(([kind, count]) => `${count} x ${kind}`);
  return `${failedGet}/${failedPost} failed, ${duplicatePosts} POSTs twice, p99 ${p99Ms.toFixed(0)}, max ${maxMs.toFixed(0)}, longest ${longestMs.toFixed(0)} ms, worst second ${(worstSecond * 100).toFixed(0)} %${last} ${kinds.join(', ')}`;
}

/** A row that is complete. @param {(typeof cells)[number]} cell */
function write({ row, targets, left }) {
  const complete = targets.filter(({ runs }) => runs.length === options.runs);
  const result = {
    name: row.name,
    title: row.title,
    machine: { ...describeMachine(options.node), pinned: pinning && options.pin },
    options: { runs: options.runs, seconds: options.seconds, rate: options.perSecond },
    left,
    targets: complete.map(({ target: { name, version }, runs }) => ({ name, version, summary: summary(runs), runs })),
  };
  writeRow(
    options.out,
    result,
    ROWS.map(({ name }) => name),
  );
}

function printConfigs() {
  const place = { port: 8000, adminPort: 8001, backends: [3001, 3002, 3003, 3004], folder: '/var/tmp/faults' };
  for (const { name, config } of allTargets(options.node, null)) say(`# ---- ${name}\n${config(place)}`);
}

function chosenTargets() {
  const all = chosen(allTargets(options.node, folder), options.targets, 'target');
  for (const { name, missing } of all) if (missing !== null) say(`${name} is missing; it needs: ${missing}`);
  const present = all.filter(({ missing }) => missing === null);
  if (present.length === 0) fail('there is nothing to measure');
  return present;
}

function readOptions() {
  const values = readArguments({
    only: { type: 'string' },
    targets: { type: 'string' },
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rate: { type: 'string', default: '300' },
    runs: { type: 'string', default: '1' },
    parallel: { type: 'string', default: '1' },
    tries: { type: 'string', default: '3' },
    'late-ms': { type: 'string', default: '40' },
    'warm-up': { type: 'string', default: '0.5' },
    patience: { type: 'string', default: '10' },
    node: { type: 'string', default: process.execPath },
    out: { type: 'string', default: `${root}bench/results/faults.json` },
    configs: { type: 'boolean', default: false },
    unpinned: { type: 'boolean', default: false },
  });
  return {
    only: values.only,
    targets: values.targets,
    seconds: positive('seconds', values.seconds ?? String(values.quick ? RUN_SECONDS / 2 : RUN_SECONDS)),
    perSecond: positive('rate', values.rate),
    runs: positive('runs', values.runs),
    parallel: positive('parallel', values.parallel),
    tries: positive('tries', values.tries),
    lateMs: Number(values['late-ms']),
    warmUpSeconds: Number(values['warm-up']),
    patienceMs: Number(values.patience) * 1_000,
    node: values.node,
    out: values.out,
    configs: values.configs,
    pin: !values.unpinned && values.parallel === '1',
  };
}
