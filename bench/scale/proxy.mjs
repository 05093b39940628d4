/**
 * The built proxy as a process that can be asked about itself, and whose log can be read. Owns the process and its log file:
 * both end with `stop`, or with this process.
 */

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { root } from '../lib/machine.mjs';
import { cpuTimeUs, pinned } from '../lib/process.mjs';

const INSIDE = pathToFileURL(fileURLToPath(new URL('inside.mjs', import.meta.url))).href;
const START_LIMIT_MS = 60_000;

/**
 * @typedef {{ p99Ms: number, maxMs: number, rss: number, heapUsed: number, external: number, resources: Record<string, number> }} Inside
 * @typedef {{ time: number, backend: string, from: string, to: string, msg: string }} Transition  time: of the wall clock, ms
 *
 * @typedef {object} Proxy
 * @property {number} pid
 * @property {Record<string, number>} ports  of listeners and admin, by name
 * @property {boolean} exited
 * @property {() => Promise<Inside>} figures  collects garbage
 * @property {() => Promise<Inside>} glance  does not
 * @property {() => Promise<unknown>} reset  lateness counts from now on
 * @property {(ms: number) => Promise<import('node:inspector').Profiler.Profile>} profile
 * @property {() => number} cpuUs  used so far
 * @property {() => Transition[]} transitions  that the log has told of since the last call
 * @property {() => string[]} lines  of the log since the last call, transitions aside; taken by `transitions` too
 * @property {(signal: NodeJS.Signals) => void} kill
 * @property {() => Promise<number | null>} stop  gracefully; the exit code
 */

/**
 * Resolves once it serves.
 * @param {object} config in the file's own keys @param {{ folder: string, node: string, cpu: number | null, name?: string }} place
 * @returns {Promise<Proxy>}
 */
export async function startProxy(config, { folder, node, cpu, name = 'pulsegate' }) {
  const file = join(folder, `${name}.yaml`);
  const logFile = join(folder, `${name}.log`);
  writeFileSync(file, JSON.stringify(config));
  const output = openSync(logFile, 'w');
  const main = join(root, 'dist/main.js');
  const command = pinned(cpu, [
    node,
    '--expose-gc',
    '--import',
    INSIDE,
    main,
    'run',
    '-c',
    file,
    '--log-format',
    'json',
  ]);
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', output, 'pipe', 'ipc'] });
  closeSync(output);
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors = (errors + chunk).slice(-4_000);
  });
  const stopWithUs = () => void child.kill('SIGKILL');
  process.on('exit', stopWithUs);
  /** @type {Promise<number | null>} */
  const gone = new Promise((resolve) => {
    child.once('exit', (code) => {
      handle.exited = true;
      process.off('exit', stopWithUs);
      for (const { reject } of waiting.values()) reject(new Error(`the proxy ended (${code}): ${errors}`));
      resolve(code);
    });
  });

  /** @type {Map<number, { resolve(value: any): void, reject(error: Error): void }>} */
  const waiting = new Map();
  let asked = 0;
  child.on('message', (/** @type {{ id: number, answer: any }} */ { id, answer }) => {
    waiting.get(id)?.resolve(answer);
    waiting.delete(id);
  });
  const ask = (/** @type {string} */ what) =>
    new Promise((resolve, reject) => {
      if (handle.exited) reject(new Error('the proxy has ended'));
      asked += 1;
      waiting.set(asked, { resolve, reject });
      child.send({ id: asked, ask: what });
    });

  /** Read before it served, and not asked for yet. @type {any[]} */
  const early = [];
  let read = 0;
  const lines = () => {
    const text = readFileSync(logFile, 'utf8');
    const end = text.lastIndexOf('\n') + 1;
    const found = text
      .slice(read, end)
      .split('\n')
      .filter((line) => line.startsWith('{'));
    read = end;
    return found;
  };
  /** @type {Proxy} */
  const handle = {
    pid: child.pid ?? 0,
    ports: {},
    exited: false,
    figures: () => ask('figures'),
    glance: () => ask('glance'),
    reset: () => ask('reset'),
    profile: async (ms) => {
      await ask('profile');
      await sleep(ms);
      return ask('profiled');
    },
    cpuUs: () => cpuTimeUs(handle.pid),
    transitions: () =>
      [...early.splice(0), ...lines().map((line) => JSON.parse(line))].filter(
        ({ backend, to }) => backend !== undefined && to !== undefined,
      ),
    lines,
    kill: (signal) => void child.kill(signal),
    stop: async () => {
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      const code = await gone;
      clearTimeout(killer);
      return code;
    },
  };
  const limitMs = performance.now() + START_LIMIT_MS;
  for (;;) {
    const found = lines().map((line) => JSON.parse(line));
    const started = found.find(({ listeners }) => listeners !== undefined);
    early.push(...found);
    if (started !== undefined) {
      for (const { name: listener, address } of [...started.listeners, started.admin].filter(Boolean)) {
        handle.ports[listener] = address.port;
      }
      return handle;
    }
    if (handle.exited || performance.now() > limitMs) {
      child.kill('SIGKILL');
      throw new Error(`the proxy did not start: ${errors}${readFileSync(logFile, 'utf8').slice(0, 2_000)}`);
    }
    await sleep(20);
  }
}
