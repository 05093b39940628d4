/**
 * Four backends as processes of their own, that can be broken in every way the rows ask for, and the ledger of what they
 * executed. They end with this process, whatever happens.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LOAD_CPU } from '../lib/backends.mjs';
import { pinned } from '../lib/process.mjs';

const SCRIPT = fileURLToPath(new URL('backend.mjs', import.meta.url));

/**
 * @typedef {Partial<import('./backend.mjs').Behaviour>} Change
 *
 * @typedef {object} Backend
 * @property {string} id
 * @property {number} port  the same after every restart
 * @property {(change: Change) => void} behave  from now on; forgotten when it is started again
 * @property {(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM') => void} signal
 * @property {(change?: Change) => Promise<void>} start  resolves once it listens
 * @property {() => Promise<void>} gone  resolves when the present process has ended
 *
 * @typedef {{ backends: Backend[], executions(): Map<string, number>, stop(): Promise<void> }} Fleet
 */

/**
 * @param {string} folder for the logs of what was executed
 * @param {number} count @param {Change} behaviour that all start with @param {boolean} pin to the CPU that backends share with the load
 * @returns {Promise<Fleet>}
 */
export async function startFleet(folder, count, behaviour, pin) {
  const backends = await Promise.all(
    Array.from({ length: count }, (_, n) => startBackend(folder, String.fromCharCode(97 + n), behaviour, pin)),
  );
  return {
    backends,
    executions: () => countLines(backends.map(({ id }) => logFile(folder, id))),
    stop: async () => {
      for (const backend of backends) backend.signal('SIGKILL');
      await Promise.all(backends.map((backend) => backend.gone()));
    },
  };
}

/** @param {string} folder @param {string} id */
function logFile(folder, id) {
  return join(folder, `executed-${id}`);
}

/** How often each id was executed. @param {string[]} files */
function countLines(files) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const file of files) {
    if (!existsSync(file)) continue;
    for (const id of readFileSync(file, 'latin1').split('\n')) {
      if (id !== '') counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}

/** @param {string} folder @param {string} id @param {Change} behaviour @param {boolean} pin @returns {Promise<Backend>} */
async function startBackend(folder, id, behaviour, pin) {
  let port = 0;
  /** @type {import('node:child_process').ChildProcess} */
  let child;
  /** @type {Promise<unknown>} */
  let gone;
  /** @param {Change} [change] */
  const start = async (change = {}) => {
    const command = [process.execPath, SCRIPT, id, String(port), logFile(folder, id)];
    command.push(JSON.stringify({ ...behaviour, ...change }));
    const [program = '', ...args] = pin ? pinned(LOAD_CPU, command) : command;
    const started = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    child = started;
    gone = once(started, 'exit');
    const first = await Promise.race([once(started, 'message'), gone.then(() => null)]);
    if (first === null) throw new Error(`backend ${id} ended at its start`);
    port = first[0].port;
  };
  await start();
  return {
    id,
    get port() {
      return port;
    },
    behave: (change) => void child.send(change),
    signal: (signal) => void child.kill(signal),
    start,
    gone: async () => void (await gone),
  };
}
