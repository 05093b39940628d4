/**
 * `node bench/idle.mjs`: what waiting costs. Memory for each idle client connection, which has sent one request before,
 * and for each backend with and without probes; and the share of a core that is used meanwhile. Every figure comes from
 * a fresh process, several times in turn. Memory is what the kernel counts as resident, garbage included.
 *
 *   --connections N   10000, or what the limit on open files allows     --runs N      3
 *   --seconds S       over which idle CPU is measured, 10               --node PATH   --out FILE
 */

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { PROXY_CPU, startBackends } from './lib/backends.mjs';
import { summarise } from './lib/figures.mjs';
import { describeMachine, root } from './lib/machine.mjs';
import { cpuTimeUs, freePorts, listening, residentKib, start } from './lib/process.mjs';
import { idleTable } from './lib/tables.mjs';
import { requestHeads } from './proxy/exchange.mjs';
import { allTargets } from './proxy/targets.mjs';

/** Several, as probes of very many backends would use up the local ports towards one. */
const BACKEND_PORTS = 8;
const SMALL_FLEET = 1_000;
const LARGE_FLEET = 10_000;
const CLIENT_ADDRESSES = 4;
const OPENED_AT_ONCE = 100;
/** Until every backend has been probed once, and garbage of the start is gone. */
const SETTLE_MS = 8_000;

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    node: { type: 'string', default: process.execPath },
    out: { type: 'string', default: `${root}bench/results/idle.json` },
  },
});
const connections = Math.min(Number(values.connections), openFilesLimit() - 1_000);
const folder = mkdtempSync(join(tmpdir(), 'pulsegate-idle-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const backends = await startBackends(BACKEND_PORTS, 66);

/** @type {Map<string, { kib: number[], cpuPercent: number[] }>} */
const samples = new Map();
const targets = allTargets(values.node).filter(({ name, missing }) => {
  const wanted = name === 'pulsegate' || name === 'nginx';
  if (wanted && missing !== null) say(`${name} is missing; install it with: ${missing}`);
  return wanted && missing === null;
});
const fleets = targets.some(({ name }) => name === 'pulsegate') ? ['off', 'on'] : [];
for (let run = 1; run <= Number(values.runs); run++) {
  say(`run ${run} of ${values.runs}`);
  for (const target of targets) note(`${target.name}: idle client connection`, await measureConnections(target));
  for (const probes of fleets) {
    const small = await measureFleet(SMALL_FLEET, probes);
    const large = await measureFleet(LARGE_FLEET, probes);
    const kib = (large.residentKib - small.residentKib) / (LARGE_FLEET - SMALL_FLEET);
    note(`pulsegate: backend, probes ${probes}`, { kib, cpuPercent: large.cpuPercent });
  }
}
report();
process.exit(0);

/** @param {string} name @param {{ kib: number, cpuPercent: number }} sample */
function note(name, { kib, cpuPercent }) {
  const sample = samples.get(name) ?? { kib: [], cpuPercent: [] };
  samples.set(name, { kib: [...sample.kib, kib], cpuPercent: [...sample.cpuPercent, cpuPercent] });
}

/** @param {import('./proxy/targets.mjs').Target} target */
async function measureConnections(target) {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const { command, env } = target.launch({ port, adminPort, backends, folder });
  const running = start(target.name, PROXY_CPU, command, env);
  await listening(running, port);
  const head = requestHeads()[0] ?? '';
  for (const socket of await openIdle(port, 500, head)) socket.destroy();
  await sleep(SETTLE_MS);
  const before = residentKib(running.pid);
  const sockets = await openIdle(port, connections, head);
  await sleep(SETTLE_MS);
  const kib = (residentKib(running.pid) - before) / connections;
  const cpuPercent = await idleCpuPercent(running.pid);
  for (const socket of sockets) socket.destroy();
  await running.stop();
  return { kib, cpuPercent };
}

/**
 * Connections that have each sent one request and read the answer's beginning.
 * @param {number} port @param {number} count @param {string} head
 */
async function openIdle(port, count, head) {
  /** @type {import('node:net').Socket[]} */
  const sockets = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(OPENED_AT_ONCE, count - sockets.length) }, (_, i) =>
      connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (i % CLIENT_ADDRESSES)}` }),
    );
    await Promise.all(
      batch.map(async (socket) => {
        socket.write(head);
        await once(socket, 'data', { signal: AbortSignal.timeout(10_000) });
        socket.on('error', () => {});
      }),
    );
    sockets.push(...batch);
  }
  return sockets;
}

/** @param {number} count @param {string} probes `on` or `off` */
async function measureFleet(count, probes) {
  const [port = 0] = await freePorts(1);
  const file = join(folder, 'fleet.yaml');
  writeFileSync(file, fleetConfig(port, count, probes));
  const command = [values.node, `${root}dist/main.js`, 'run', '-c', file];
  const running = start(`pulsegate with ${count} backends`, PROXY_CPU, command);
  await listening(running, port);
  await sleep(SETTLE_MS);
  const figures = { residentKib: residentKib(running.pid), cpuPercent: await idleCpuPercent(running.pid) };
  await running.stop();
  return figures;
}

/** @param {number} port @param {number} count @param {string} probes */
function fleetConfig(port, count, probes) {
  const fleet = Array.from(
    { length: count },
    (_, i) => `      - { id: b${i}, url: "http://127.0.0.1:${backends[i % backends.length]}" }\n`,
  );
  return `log: { level: warn, access: false }
admin: { bind: null }
listeners:
  - bind: 127.0.0.1:${port}
upstreams:
  app:
    probe: ${probes === 'off' ? 'false' : '{}'}
    backends:
${fleet.join('')}`;
}

/** Share of one core that a process uses while nothing is asked of it. @param {number} pid */
async function idleCpuPercent(pid) {
  const seconds = Number(values.seconds);
  const before = cpuTimeUs(pid);
  await sleep(seconds * 1_000);
  return (cpuTimeUs(pid) - before) / (seconds * 1e4);
}

/** Node raises its own limit to the hard one at the start, and children inherit it. */
function openFilesLimit() {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}

function report() {
  const results = [...samples].map(([name, { kib, cpuPercent }]) => ({
    name,
    kib: summarise(kib),
    cpuPercent: summarise(cpuPercent),
  }));
  const result = { machine: describeMachine(values.node), connections, backends: LARGE_FLEET, results };
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
  say(`\n${idleTable(result)}\n\nwritten: ${values.out}`);
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}
