/**
 * Rows of waiting: memory for each idle client connection, which has sent one request before, and for each backend; and the share
 * of a core that is used meanwhile. Every figure comes from a fresh process. Memory is what the kernel counts as resident,
 * garbage included.
 */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROXY_CPU } from '../lib/backends.mjs';
import { cpuTimeUs, freePorts, listening, residentKib, start } from '../lib/process.mjs';
import { built } from '../lib/programs.mjs';
import { startContender } from './contender.mjs';
import { requestHeads } from './exchange.mjs';

export const SETTLE_SECONDS = 4;
/** Until every backend has been probed once, and garbage of the start is gone. */
export const FLEET_SETTLE_SECONDS = 8;
export const IDLE_SECONDS = 4;
const SMALL_FLEET = 1_000;
const CLIENT_ADDRESSES = 4;
const OPENED_AT_ONCE = 100;
const WARM_CONNECTIONS = 500;

/** @typedef {{ kib: number, cpuPercent: number }} Sample */

/**
 * @param {import('./targets.mjs').Target} target @param {import('./rows.mjs').MemoryRow} row @param {readonly number[]} backends
 * @param {string} folder
 * @returns {Promise<Sample>}
 */
export async function idleConnections(target, row, backends, folder) {
  const { process: proxy, port } = await startContender(target, row, backends, folder);
  const count = Math.min(row.count, openFilesLimit() - 1_000);
  /** @type {import('node:net').Socket[]} */
  let sockets = [];
  try {
    for (const socket of await openIdle(port, WARM_CONNECTIONS)) socket.destroy();
    await sleep(SETTLE_SECONDS * 1_000);
    const before = residentKib(proxy.pid);
    sockets = await openIdle(port, count);
    await sleep(SETTLE_SECONDS * 1_000);
    const kib = (residentKib(proxy.pid) - before) / count;
    return { kib, cpuPercent: await idleCpuPercent(proxy.pid) };
  } finally {
    for (const socket of sockets) socket.destroy();
    await proxy.stop();
  }
}

/** Connections that have each sent one request and read the answer's beginning. @param {number} port @param {number} count */
async function openIdle(port, count) {
  const head = requestHeads()[0] ?? '';
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

/**
 * What a backend costs: a large fleet against a small one, so that the process itself falls out.
 * @param {string} node @param {boolean} isProbed @param {number} count of the large fleet @param {readonly number[]} backends
 * @param {string} folder
 * @returns {Promise<Sample>}
 */
export async function fleet(node, isProbed, count, backends, folder) {
  const small = await waiting(node, isProbed, SMALL_FLEET, backends, folder);
  const large = await waiting(node, isProbed, count, backends, folder);
  return { kib: (large.kib - small.kib) / (count - SMALL_FLEET), cpuPercent: large.cpuPercent };
}

/** @param {string} node @param {boolean} isProbed @param {number} count @param {readonly number[]} backends @param {string} folder */
async function waiting(node, isProbed, count, backends, folder) {
  const [port = 0] = await freePorts(1);
  const file = join(folder, 'fleet.yaml');
  const urls = Array.from({ length: count }, (_, i) => `http://127.0.0.1:${backends[i % backends.length]}`);
  writeFileSync(
    file,
    `log: { level: warn, access: false }
admin: { bind: null }
listeners:
  - bind: 127.0.0.1:${port}
upstreams:
  app:
    probe: ${isProbed ? '{}' : 'false'}
    backends:
${urls.map((url, i) => `      - { id: b${i}, url: "${url}" }\n`).join('')}`,
  );
  const { command, env } = built('pulsegate', node);
  const running = start(`pulsegate with ${count} backends`, PROXY_CPU, command(file, folder), env(folder));
  try {
    await listening(running, port);
    await sleep(FLEET_SETTLE_SECONDS * 1_000);
    return { kib: residentKib(running.pid), cpuPercent: await idleCpuPercent(running.pid) };
  } finally {
    await running.stop();
  }
}

/** Share of one core that a process uses while nothing is asked of it. @param {number} pid */
async function idleCpuPercent(pid) {
  const before = cpuTimeUs(pid);
  await sleep(IDLE_SECONDS * 1_000);
  return (cpuTimeUs(pid) - before) / (IDLE_SECONDS * 1e4);
}

/** Node raises its own limit to the hard one at the start, and children inherit it. */
function openFilesLimit() {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}
