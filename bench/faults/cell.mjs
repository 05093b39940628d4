/**
 * One run of one row against one proxy: fresh backends, a fresh proxy that has proven itself, the load, the fault on
 * schedule, the verdict. Nothing of it is left behind.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LOAD_CPU, PROXY_CPU } from '../lib/backends.mjs';
import { freePorts, listening, pinned, start } from '../lib/process.mjs';
import { answerTo } from './exchange.mjs';
import { startFleet } from './fleet.mjs';
import { judge } from './oracle.mjs';
import { FAULT_AT_SECONDS, RUN_SECONDS } from './rows.mjs';

const BACKENDS = 4;
const PROOF_SECONDS = 10;
const START_TRIES = 3;
const LOAD = fileURLToPath(new URL('load.mjs', import.meta.url));

/**
 * @typedef {object} CellOptions
 * @property {string} folder  a new one is made in it
 * @property {number} perSecond
 * @property {number} seconds
 * @property {number} warmUpSeconds
 * @property {number} patienceMs
 * @property {boolean} pin
 *
 * @typedef {{ results: import('./load.mjs').Result[], lateMs: number }} Loaded  lateMs: how far the client fell behind its schedule
 * @typedef {import('./oracle.mjs').Figures & { lateMs: number, survived: boolean }} Run  survived: the proxy did not end by itself
 */

let cells = 0;

/**
 * @param {import('./rows.mjs').Row} row @param {import('./targets.mjs').Target} target @param {CellOptions} options
 * @returns {Promise<Run>}
 */
export async function runCell(row, target, options) {
  const run = `r${++cells}`;
  const folder = join(options.folder, run);
  mkdirSync(folder, { mode: 0o777 });
  const fleet = await startFleet(folder, BACKENDS, row.behaviour ?? {}, options.pin);
  try {
    const { proxy, port } = await startProxy(target, fleet, folder, options.pin);
    try {
      const { answerBytes } = row.behaviour ?? {};
      await prove(target.name, port, answerBytes);
      const { results, lateMs } = await load(
        row,
        fleet,
        { ...options, answerBytes, run, port, perSecond: options.perSecond * (row.rateShare ?? 1) },
        proxy,
      );
      const faultAtMs = (FAULT_AT_SECONDS / RUN_SECONDS) * options.seconds * 1_000;
      return { ...judge(results, fleet.executions(), faultAtMs), lateMs, survived: !proxy.exited };
    } finally {
      await proxy.stop();
    }
  } finally {
    await fleet.stop();
  }
}

/** @param {import('./targets.mjs').Target} target @param {import('./fleet.mjs').Fleet} fleet @param {string} folder @param {boolean} pin */
async function startProxy(target, fleet, folder, pin) {
  const file = join(folder, `${target.name}.conf`);
  for (let tries = 1; ; tries++) {
    const [port = 0, adminPort = 0] = await freePorts(2);
    const place = { port, adminPort, backends: fleet.backends.map((one) => one.port), folder };
    writeFileSync(file, target.config(place));
    const { command, env } = target.launch(place, file);
    const proxy = start(target.name, pin ? PROXY_CPU : null, command, env);
    try {
      await listening(proxy, port);
      return { proxy, port };
    } catch (error) {
      await proxy.stop();
      // Somebody may have taken the port meanwhile.
      if (tries === START_TRIES) throw error;
    }
  }
}

/** Every backend has been reached, and both methods are answered rightly. @param {string} name @param {number} port @param {number | undefined} answerBytes */
async function prove(name, port, answerBytes) {
  const endsAt = performance.now() + PROOF_SECONDS * 1_000;
  const seen = new Set();
  let problem = '';
  for (let n = 0; performance.now() < endsAt; n++) {
    const body = n % 2 === 0 ? '' : `body ${n}`;
    const { status, backend, text } = await exchange(port, `proof-${n}`, body);
    if (status !== 200) problem = `status ${status}`;
    else if (text !== answerTo(backend, `proof-${n}`, body, answerBytes))
      throw new Error(`${name} alters answers: ${text}`);
    else seen.add(backend);
    if (seen.size === BACKENDS && n % 2 === 1) return;
    if (status !== 200) await sleep(50);
  }
  throw new Error(`${name} is not measured: it reached ${[...seen].join(' ') || 'no backend'} (${problem})`);
}

/** @param {number} port @param {string} id @param {string} body @returns {Promise<{ status: number, backend: string, text: string }>} */
function exchange(port, id, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'x-fault-id': id, ...(body === '' ? {} : { 'content-length': body.length }) };
    const method = body === '' ? 'GET' : 'POST';
    const sent = request({ host: '127.0.0.1', port, path: '/item', method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, backend: String(response.headers['x-backend'] ?? ''), text });
      });
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/**
 * @param {import('./rows.mjs').Row} row @param {import('./fleet.mjs').Fleet} fleet
 * @param {CellOptions & { run: string, port: number, answerBytes: number | undefined }} options @param {import('../lib/process.mjs').Running} proxy
 * @returns {Promise<Loaded>}
 */
async function load(row, fleet, { pin, ...options }, proxy) {
  const { run, port, perSecond, seconds, warmUpSeconds, patienceMs, answerBytes } = options;
  const what = { run, port, perSecond, seconds, warmUpSeconds, patienceMs, answerBytes };
  const command = [process.execPath, LOAD, JSON.stringify(what)];
  const [program = '', ...args] = pin ? pinned(LOAD_CPU, command) : command;
  const client = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(client, 'exit');
  /** @type {Loaded | null} */
  let loaded = null;
  const started = new Promise((resolve) => {
    client.on('message', (/** @type {any} */ message) => {
      if (message.results !== undefined) loaded = message;
      else resolve(undefined);
    });
  });
  const stage = {
    fleet,
    stopProxy: () => proxy.exited || signalTree(proxy.pid, 'SIGSTOP'),
    continueProxy: () => proxy.exited || signalTree(proxy.pid, 'SIGCONT'),
  };
  await Promise.race([started, ended]);
  const startedMs = performance.now();
  const scale = (seconds * 1_000) / RUN_SECONDS;
  await Promise.all([
    ended,
    ...row.steps.map(async ([atSeconds, act]) => {
      await sleep(startedMs + atSeconds * scale - performance.now());
      await act(stage);
    }),
  ]);
  if (loaded === null) throw new Error(`the load on ${row.name} ended without results`);
  return loaded;
}

/** @param {number} pid @param {'SIGSTOP' | 'SIGCONT'} signal */
function signalTree(pid, signal) {
  process.kill(pid, signal);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  for (const child of children === '' ? [] : children.split(' ')) signalTree(Number(child), signal);
}
