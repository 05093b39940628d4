/**
 * `node bench/proxy/websocket.mjs`: what a WebSocket message costs a proxy. Each connection sends one message and waits for its
 * echo; the figure is the CPU time of the proxy's process tree per echo, which crosses it twice. Proxies are measured in turn.
 *
 *   --only a,b     of pulsegate, haproxy, caddy     --runs N           3       --seconds S  a run, 5
 *   --bytes N      of a message, 64                 --connections N    100     --node PATH  --out FILE
 */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { LOAD_CPU, PROXY_CPU } from '../lib/backends.mjs';
import { round, summarise, table, withSpread } from '../lib/figures.mjs';
import { describeMachine, root } from '../lib/machine.mjs';
import { cpuTimeUs, freePorts, listening, pinned, start } from '../lib/process.mjs';
import { allTargets } from './targets.mjs';

/** Those that pass WebSockets with the configuration that all benchmarks share. */
const TARGETS = ['pulsegate', 'haproxy', 'caddy'];
const WARM_UP_SECONDS = 1;
const PEER = fileURLToPath(new URL('websocket-peer.mjs', import.meta.url));

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: TARGETS.join(',') },
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    bytes: { type: 'string', default: '64' },
    connections: { type: 'string', default: '100' },
    node: { type: 'string', default: process.execPath },
    out: { type: 'string', default: `${root}bench/results/websocket.json` },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'pulsegate-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const [backend = 0] = await freePorts(1);
const echo = start('echo', LOAD_CPU, [process.execPath, PEER, 'echo', String(backend)]);
await listening(echo, backend);
const contenders = [];
for (const target of allTargets(values.node)) {
  if (!values.only.split(',').includes(target.name) || !TARGETS.includes(target.name)) continue;
  if (target.missing !== null) {
    say(`${target.name} is missing; install it with: ${target.missing}`);
    continue;
  }
  const [port = 0, adminPort = 0] = await freePorts(2);
  const { command, env } = target.launch({ port, adminPort, backends: [backend], folder });
  const running = start(target.name, PROXY_CPU, command, env);
  await listening(running, port);
  contenders.push({ target, running, port, runs: /** @type {Awaited<ReturnType<typeof measure>>[]} */ ([]) });
}
for (const { running, port } of contenders) await measure(running.pid, port, WARM_UP_SECONDS);
for (let round = 1; round <= Number(values.runs); round++) {
  say(`run ${round} of ${values.runs}`);
  for (const { running, port, runs } of contenders) runs.push(await measure(running.pid, port, Number(values.seconds)));
}
report();
process.exit(0);

/** @param {number} pid @param {number} port @param {number} seconds */
async function measure(pid, port, seconds) {
  const args = ['load', port, values.connections, seconds, values.bytes].map(String);
  const [program = '', ...rest] = pinned(LOAD_CPU, [process.execPath, PEER, ...args]);
  const before = cpuTimeUs(pid);
  const { stdout } = await promisify(execFile)(program, rest);
  /** @type {{ messages: number, errors: number, perSecond: number, p50Ms: number, p99Ms: number }} */
  const result = JSON.parse(stdout);
  return { ...result, cpuUsPerMessage: (cpuTimeUs(pid) - before) / result.messages };
}

function report() {
  const results = contenders.map(({ target, runs }) => ({
    name: target.name,
    version: target.version,
    cpuUsPerMessage: summarise(runs.map((run) => run.cpuUsPerMessage)),
    perSecond: summarise(runs.map((run) => run.perSecond)),
    p50Ms: summarise(runs.map((run) => run.p50Ms)),
    p99Ms: summarise(runs.map((run) => run.p99Ms)),
    errors: runs.reduce((sum, run) => sum + run.errors, 0),
  }));
  const { runs, seconds, bytes, connections } = values;
  const options = {
    runs: Number(runs),
    seconds: Number(seconds),
    bytes: Number(bytes),
    connections: Number(connections),
  };
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(
    values.out,
    `${JSON.stringify({ machine: describeMachine(values.node), options, results }, null, 2)}\n`,
  );
  const haproxy = results.find(({ name }) => name === 'haproxy')?.cpuUsPerMessage.median;
  const rows = results.map(({ name, version, cpuUsPerMessage, perSecond, p50Ms, p99Ms, errors }) => [
    `${name} ${version}`,
    withSpread(cpuUsPerMessage, 1),
    haproxy === undefined ? '' : `${round(cpuUsPerMessage.median / haproxy, 2)}x`,
    round(perSecond.median, 0) + (errors === 0 ? '' : `, ${errors} failed`),
    round(p50Ms.median, 2),
    round(p99Ms.median, 2),
  ]);
  say(
    `\n${table(['proxy', 'CPU µs per echo', 'of haproxy', 'echoes/s', 'p50 ms', 'p99 ms'], rows)}\n\nwritten: ${values.out}`,
  );
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}
