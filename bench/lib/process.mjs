/**
 * Child processes of a benchmark: started pinned to one CPU where taskset exists, measured through /proc, and never left
 * behind. Linux only, as CPU time comes from /proc/<pid>/stat.
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** @typedef {{ name: string, pid: number, exited: boolean, errors: string, stop(): Promise<void> }} Running */

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const PAGE_KIB = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })) / 1024;
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

/** The path of `program` on PATH; null when it is missing. @param {string} program */
export function findOnPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, program)).find(existsSync) ?? null;
}

/** Whether processes are pinned: it takes taskset and two CPUs. */
export const pinning = findOnPath('taskset') !== null && availableParallelism() >= 2;

/**
 * The command line that runs `command` on CPU `cpu`, or anywhere when that is null or pinning is not possible.
 * @param {number | null} cpu @param {string[]} command
 */
export function pinned(cpu, command) {
  return pinning && cpu !== null ? ['taskset', '-c', String(cpu), ...command] : command;
}

/**
 * Starts a process that runs until stopped. Its stderr is kept for messages.
 * @param {string} name @param {number | null} cpu @param {string[]} command @param {Record<string, string>} [env]
 * @returns {Running}
 */
export function start(name, cpu, command, env = {}) {
  const [program, ...args] = pinned(cpu, command);
  const child = spawn(/** @type {string} */ (program), args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  running.add(child);
  const handle = { name, pid: child.pid ?? 0, exited: false, errors: '', stop };
  child.stderr.on('data', (chunk) => {
    handle.errors = (handle.errors + chunk).slice(-4_000);
  });
  const gone = new Promise((resolve) => {
    const settle = () => {
      handle.exited = true;
      running.delete(child);
      resolve(undefined);
    };
    child.once('exit', settle);
    child.once('error', settle);
  });
  async function stop() {
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(killer);
  }
  return handle;
}

/** Resolves once `port` accepts connections. @param {Running} owner @param {number} port */
export async function listening(owner, port) {
  for (let tries = 0; tries < 200 && !owner.exited; tries++) {
    if (await accepts(port)) return;
    await sleep(50);
  }
  throw new Error(`${owner.name} does not listen on port ${port}: ${owner.errors.trim() || 'no message'}`);
}

/** @param {number} port @returns {Promise<boolean>} */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** Ports that were free a moment ago. @param {number} count */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => /** @type {import('node:net').AddressInfo} */ (server.address()).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** CPU time, user and system, that a process and its descendants have used, in microseconds. @param {number} pid */
export function cpuTimeUs(pid) {
  const ticks = processTree(pid).map((stat) => Number(stat[11]) + Number(stat[12]));
  return (sum(ticks) * 1e6) / TICKS_PER_SECOND;
}

/** Resident memory of a process and its descendants, in KiB; pages they share count for each. @param {number} pid */
export function residentKib(pid) {
  return sum(processTree(pid).map((stat) => Number(stat[21]))) * PAGE_KIB;
}

/** The stat fields of a process and of its descendants. @param {number} pid @returns {string[][]} */
function processTree(pid) {
  const own = statFields(pid);
  if (own === null) return [];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return [own, ...(children === '' ? [] : children.split(' ').flatMap((child) => processTree(Number(child))))];
}

/** The fields of proc(5) stat from the third on: a process's name may hold spaces and parentheses. @param {number} pid */
function statFields(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null; // It has ended meanwhile.
  }
}

/** @param {number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** The first line of what a program says, on either stream; empty when it fails. @param {string[]} command */
export function firstLine([program, ...args]) {
  const { status, stdout, stderr } = spawnSync(/** @type {string} */ (program), args, { encoding: 'utf8' });
  return status === 0 ? (`${stdout}${stderr}`.split('\n', 1)[0]?.trim() ?? '') : '';
}
