/** The soak's backends as processes that can be troubled and healed, and the ledger of what they executed. They end with this process. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('backend.mjs', import.meta.url));
const READ_BYTES = 64 * 1_024;

/**
 * @typedef {object} Fleet
 * @property {{ id: string, url: string }[]} backends
 * @property {(trouble: import('./plan.mjs').Trouble, n: number) => void} trouble
 * @property {(trouble: import('./plan.mjs').Trouble, n: number) => Promise<void>} heal  resolves once it is well again
 * @property {() => Map<number, number>} executed  how often each POST was, as far as it is new since the last call
 * @property {() => void} stop
 */

/** Resolves once they listen. @param {string} folder @param {number} count @returns {Promise<Fleet>} */
export async function startFleet(folder, count) {
  const backends = await Promise.all(
    Array.from({ length: count }, (_, n) => startBackend(folder, String.fromCharCode(97 + n))),
  );
  const at = (/** @type {number} */ n) => /** @type {Backend} */ (backends[n]);
  const ledgers = backends.map(({ ledger }) => createReader(ledger));
  return {
    backends: backends.map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` })),
    trouble: (trouble, n) => {
      if (trouble === 'kill') at(n).kill('SIGKILL');
      else if (trouble === 'stop') at(n).kill('SIGSTOP');
      else at(n).behave(trouble);
    },
    heal: async (trouble, n) => {
      if (trouble === 'kill') await at(n).restart();
      else if (trouble === 'stop') at(n).kill('SIGCONT');
      else at(n).behave('ok');
    },
    executed: () => {
      /** @type {Map<number, number>} */
      const counts = new Map();
      for (const read of ledgers) for (const id of read()) counts.set(id, (counts.get(id) ?? 0) + 1);
      return counts;
    },
    stop: () => {
      for (const { kill } of backends) kill('SIGKILL');
    },
  };
}

/** @typedef {{ id: string, port: number, ledger: string, kill(signal: NodeJS.Signals): void, behave(how: string): void, restart(): Promise<void> }} Backend */

/** @param {string} folder @param {string} id @returns {Promise<Backend>} */
async function startBackend(folder, id) {
  const ledger = join(folder, `executed-${id}`);
  let port = 0;
  const start = async () => {
    const child = spawn(process.execPath, [SCRIPT, id, String(port), ledger], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const gone = once(child, 'exit');
    const first = await Promise.race([once(child, 'message'), gone.then(() => null)]);
    if (first === null) throw new Error(`backend ${id} ended at its start`);
    port = first[0].port;
    return { child, gone };
  };
  let running = await start();
  process.on('exit', () => running.child.kill('SIGKILL'));
  return {
    id,
    port,
    ledger,
    kill: (signal) => void running.child.kill(signal),
    behave: (how) => void running.child.send(how),
    restart: async () => {
      await running.gone;
      running = await start();
    },
  };
}

/** Reads the whole lines that were appended since the last call. @param {string} file */
function createReader(file) {
  let descriptor = -1;
  let rest = '';
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  return () => {
    if (descriptor < 0 && existsSync(file)) descriptor = openSync(file, 'r');
    if (descriptor < 0) return [];
    /** @type {number[]} */
    const ids = [];
    for (let length = readSync(descriptor, buffer); length > 0; length = readSync(descriptor, buffer)) {
      const lines = (rest + buffer.latin1Slice(0, length)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) ids.push(Number(line));
    }
    return ids;
  };
}
