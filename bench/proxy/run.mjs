/**
 * `npm run bench`: what Pulsegate and its peers cost, row by row. In each row all contenders are started and proven, then
 * measured in turn (A B C A B C …), so that drift of the machine meets all of them. The proxy under load has CPU 0; load and
 * backends share CPU 1. The figure to trust is the CPU time of the proxy's process tree for each request.
 *
 *   --only ROW,…     these rows; the others' results stay     --targets a,b   these programs
 *   --runs N         of each in each row, 5                   --seconds S     a run, 2
 *   --quick          one run of a second: whether it works    --out FILE      bench/results/proxy.json
 *   --node PATH      the binary for what runs on Node; given again, Pulsegate is measured on that one as well
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBackends, startEchoes } from '../lib/backends.mjs';
import { summarise } from '../lib/figures.mjs';
import { describeMachine } from '../lib/machine.mjs';
import { duration, fail, say } from '../lib/options.mjs';
import { writeRow } from '../lib/results.mjs';
import { startContender } from './contender.mjs';
import { latency } from './latency.mjs';
import { fleet, idleConnections } from './memory.mjs';
import { memoryRuns, readOptions, secondsOf, targetsOf } from './plan.mjs';
import { ROWS } from './rows.mjs';
import { rowTable } from './tables.mjs';
import { throughput } from './throughput.mjs';

/**
 * @typedef {Record<string, number | undefined>} Sample
 * @typedef {import('./contender.mjs').Contender} Contender
 * @typedef {{ warmUp(contender: Contender): Promise<void>, measure(contender: Contender): Promise<Sample> }} Method
 * @typedef {{ name: string, version: string, samples: Sample[] }} Measured
 * @typedef {{ name: string, why: string }} Left  out of a row
 */

const BACKENDS = 4;
/** Beyond the announced time by as much, something hangs. */
const SLACK = 1.5;
const REASON_LENGTH = 200;

const folder = mkdtempSync(join(tmpdir(), 'pulsegate-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const options = readOptions(folder);
/** @type {Map<string, Promise<number[]>>} */
const started = new Map();

for (const { name, missing } of options.targets)
  if (missing !== null) say(`${name} is missing; install it with: ${missing}`);
const totalSeconds = options.rows.reduce((sum, row) => sum + secondsOf(options, row), 0);
say(
  `${options.rows.length} rows, about ${duration(totalSeconds)}: ${options.rows.map((row) => `${row.name} ${duration(secondsOf(options, row))}`).join(', ')}`,
);
setTimeout(
  () => fail('the time announced is over; what is written is whole'),
  totalSeconds * SLACK * 1_000 + 60_000,
).unref();

for (const row of options.rows) {
  const generator = row.kind === 'throughput' ? row.generator : null;
  if (generator !== null && generator.missing !== null) {
    say(`${row.name} is left out: ${generator.name} is missing; install it with: ${generator.missing}`);
    continue;
  }
  say(`\n${row.name}: ${row.title}, ${duration(secondsOf(options, row))}`);
  await measureRow(row);
}
process.exit(0);

/** @param {import('./rows.mjs').Row} row */
async function measureRow(row) {
  const backends = await backendsOf(row);
  const { results, left } = row.kind === 'memory' ? await wait(row, backends) : await load(row, backends);
  if (results.length === 0) return say(`${row.name}: there was nothing to measure`);
  const { name, kind, title } = row;
  const result = {
    name,
    kind,
    title,
    ...(row.kind === 'throughput' ? { per: row.per, tool: row.generator.name, connections: row.connections } : {}),
    machine: describeMachine(options.nodes[0] ?? process.execPath),
    options: { runs: results[0]?.samples.length ?? 0, seconds: options.seconds },
    left,
    targets: results.map(({ name, version, samples }) => ({ name, version, figures: figuresOf(samples), samples })),
  };
  writeRow(
    options.out,
    result,
    ROWS.map(({ name }) => name),
  );
  say(`\n${rowTable(result)}\n\nwritten: ${options.out}`);
}

/** @param {import('./rows.mjs').ThroughputRow | import('./rows.mjs').LatencyRow} row @param {readonly number[]} backends */
async function load(row, backends) {
  const method = row.kind === 'throughput' ? throughput(row, options) : latency(row, options, backends);
  /** @type {Left[]} */
  const left = [];
  /** @type {{ contender: Contender, samples: Sample[] }[]} */
  let contenders = [];
  /** Whoever fails is left out, with the reason. @param {string} name @param {() => Promise<void>} work */
  const attempt = async (name, work) => {
    try {
      await work();
    } catch (error) {
      const why = reasonOf(error);
      say(`${row.name}, ${name}: left out: ${why}`);
      left.push({ name, why });
      contenders = contenders.filter(({ contender }) => contender.target.name !== name);
    }
  };
  for (const target of targetsOf(options, row)) {
    await attempt(target.name, async () => {
      const contender = await startContender(target, row, backends, folder);
      contenders.push({ contender, samples: [] });
      await method.warmUp(contender);
    });
  }
  const all = [...contenders];
  for (let run = 1; run <= options.runs; run++) {
    for (const { contender, samples } of [...contenders]) {
      await attempt(contender.target.name, async () => {
        samples.push(await method.measure(contender));
      });
    }
  }
  for (const { contender } of all) await contender.process.stop();
  const results = contenders.map(({ contender: { target }, samples }) => ({ ...nameOf(target), samples }));
  return { results, left };
}

/** @param {import('./rows.mjs').MemoryRow} row @param {readonly number[]} backends */
async function wait(row, backends) {
  /** @type {Map<string, Measured>} */
  const results = new Map();
  /** @type {Left[]} */
  const left = [];
  /** @param {{ name: string, version: string }} who @param {() => Promise<Sample>} work */
  const note = async (who, work) => {
    if (left.some(({ name }) => name === who.name)) return;
    try {
      const sample = await work();
      const result = results.get(who.name) ?? { ...who, samples: [] };
      result.samples.push(sample);
      results.set(who.name, result);
    } catch (error) {
      const why = reasonOf(error);
      say(`${row.name}, ${who.name}: left out: ${why}`);
      left.push({ name: who.name, why });
      results.delete(who.name);
    }
  };
  for (let run = 1; run <= memoryRuns(options.runs); run++) {
    for (const target of targetsOf(options, row)) {
      const { name, version } = target;
      if (row.of === 'connections') {
        await note({ name, version }, () => idleConnections(target, row, backends, folder));
        continue;
      }
      for (const [probes, isProbed] of /** @type {const} */ ([
        ['without probes', false],
        ['with probes', true],
      ])) {
        const node = options.nodes[0] ?? process.execPath;
        await note({ name: `${name}, ${probes}`, version }, () => fleet(node, isProbed, row.count, backends, folder));
      }
    }
  }
  return { results: [...results.values()], left };
}

/** Of each kind one process, which stays. @param {import('./rows.mjs').Row} row @returns {Promise<number[]>} */
function backendsOf(row) {
  const key = row.protocol === 'websocket' ? 'echo' : String(row.bodyBytes);
  const ports = started.get(key) ?? (key === 'echo' ? startEchoes(BACKENDS) : startBackends(BACKENDS, row.bodyBytes));
  started.set(key, ports);
  return ports;
}

/** What went wrong, in one line: programs say it last. @param {unknown} error */
function reasonOf(error) {
  const lines = error instanceof Error ? error.message.split('\n') : [String(error)];
  return (
    lines
      .findLast((line) => line.trim() !== '')
      ?.trim()
      .slice(0, REASON_LENGTH) ?? ''
  );
}

/** @param {import('./targets.mjs').Target} target */
function nameOf({ name, version }) {
  return { name, version };
}

/** Medians with their extremes; errors are added up. @param {Sample[]} samples */
function figuresOf(samples) {
  const keys = Object.keys(samples[0] ?? {}).filter((key) => samples.every((sample) => sample[key] !== undefined));
  const of = (/** @type {string} */ key) => samples.map((sample) => sample[key] ?? 0);
  return Object.fromEntries(
    keys.map((key) => [key, key === 'errors' ? of(key).reduce((sum, count) => sum + count, 0) : summarise(of(key))]),
  );
}
