/**
 * `npm run bench`: Pulsegate and its peers, measured in turn (A B C A B C …) on the same exchange, so that drift of the
 * machine meets all of them. All targets stay started; the one under load has CPU 0, load and backends have CPU 1.
 * The figure to trust is the CPU time of the proxy's process tree per request.
 *
 *   --only a,b        these targets     --runs N         of each target and generator, 5
 *   --seconds S       a run, 5          --node PATH      the binary for what runs on Node
 *   --body 66|1024    of an answer      --connections N  64
 *   --out FILE        bench/results/proxy.json
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { LOAD_CPU, PROXY_CPU, startBackends } from '../lib/backends.mjs';
import { summarise } from '../lib/figures.mjs';
import { describeMachine, root } from '../lib/machine.mjs';
import { cpuTimeUs, freePorts, listening, start } from '../lib/process.mjs';
import { comparison, ratios } from '../lib/tables.mjs';
import { BODY_SIZES } from './exchange.mjs';
import { loadGenerators } from './load.mjs';
import { prove } from './prove.mjs';
import { allTargets } from './targets.mjs';

const BACKENDS = 4;
const WARM_UP_SECONDS = 1;

/**
 * @typedef {import('./load.mjs').LoadResult & { tool: string, cpuUsPerRequest: number }} Run
 * @typedef {{ target: import('./targets.mjs').Target, process: import('../lib/process.mjs').Running, port: number, runs: Run[] }} Contender
 */

const options = readOptions();
const folder = mkdtempSync(join(tmpdir(), 'pulsegate-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const generators = loadGenerators(folder);

const backends = await startBackends(BACKENDS, options.body);
const contenders = await startContenders();
for (const contender of contenders) {
  for (const generator of generators) await measure(contender, generator, WARM_UP_SECONDS);
}
for (let round = 1; round <= options.runs; round++) {
  say(`run ${round} of ${options.runs}`);
  for (const contender of contenders) {
    for (const generator of generators) contender.runs.push(await measure(contender, generator, options.seconds));
  }
}
await report();
process.exit(0);

/** Those that are installed and answer correctly. @returns {Promise<Contender[]>} */
async function startContenders() {
  const contenders = [];
  for (const target of allTargets(options.node)) {
    if (options.only !== null && !options.only.includes(target.name)) continue;
    if (target.missing !== null) {
      say(`${target.name} is missing; install it with: ${target.missing}`);
      continue;
    }
    const contender = await startContender(target).catch((error) => say(error.message));
    if (contender !== undefined) contenders.push(contender);
  }
  return contenders;
}

/** @param {import('./targets.mjs').Target} target @returns {Promise<Contender>} */
async function startContender(target) {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const { command, env } = target.launch({ port, adminPort, backends, folder });
  const running = start(target.name, PROXY_CPU, command, env);
  await listening(running, port);
  try {
    await prove(target, port, options.body);
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { target, process: running, port, runs: [] };
}

/** @param {Contender} contender @param {import('./load.mjs').LoadGenerator} generator @param {number} seconds @returns {Promise<Run>} */
async function measure({ process: proxy, port }, generator, seconds) {
  const before = cpuTimeUs(proxy.pid);
  const result = await generator.run({ port, connections: options.connections, seconds, cpu: LOAD_CPU });
  const cpuUsPerRequest = (cpuTimeUs(proxy.pid) - before) / result.requests;
  if (proxy.exited) throw new Error(`${proxy.name} ended during the run: ${proxy.errors}`);
  return { tool: generator.name, cpuUsPerRequest, ...result };
}

async function report() {
  const result = {
    machine: describeMachine(options.node),
    options: { runs: options.runs, seconds: options.seconds, body: options.body, connections: options.connections },
    tools: generators.map((generator) => generator.name),
    targets: contenders.map(({ target, runs }) => ({
      name: target.name,
      version: target.version,
      tools: Object.fromEntries(
        generators.map(({ name }) => [name, summary(runs.filter(({ tool }) => tool === name))]),
      ),
      runs,
    })),
  };
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, `${JSON.stringify(result, null, 2)}\n`);
  say(`\n${comparison(result, result.tools)}\n\n${ratios(result)}\n\nwritten: ${options.out}`);
}

/** @param {Run[]} runs */
function summary(runs) {
  return {
    cpuUsPerRequest: summarise(runs.map((run) => run.cpuUsPerRequest)),
    perSecond: summarise(runs.map((run) => run.perSecond)),
    p50Ms: summarise(runs.map((run) => run.p50Ms)),
    p99Ms: summarise(runs.map((run) => run.p99Ms)),
    errors: runs.reduce((sum, run) => sum + run.errors, 0),
  };
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      runs: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
      node: { type: 'string', default: process.execPath },
      body: { type: 'string', default: '1024' },
      connections: { type: 'string', default: '64' },
      out: { type: 'string', default: `${root}bench/results/proxy.json` },
    },
  });
  const body = Number(values.body);
  if (!BODY_SIZES.includes(body)) throw new Error(`--body must be one of ${BODY_SIZES.join(', ')}`);
  return {
    only: values.only?.split(',') ?? null,
    runs: Number(values.runs),
    seconds: Number(values.seconds),
    node: values.node,
    body,
    connections: Number(values.connections),
    out: values.out,
  };
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}
