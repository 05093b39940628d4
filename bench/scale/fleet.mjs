/** The fleet of the scale bench: its addresses, its processes, and who of it is dead. Ends with this process. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { LOAD_CPU } from '../lib/backends.mjs';
import { freePorts, pinned } from '../lib/process.mjs';

const SCRIPT = fileURLToPath(new URL('fleet-process.mjs', import.meta.url));
/** One process has room for so many listeners and two connections to each, below the usual limit of 20,000 descriptors. */
const PER_PROCESS = 5_000;

/**
 * @typedef {{ atMs: number, requests: number, connections: number }} Counts  atMs: of the wall clock
 * @typedef {object} Fleet
 * @property {{ id: string, url: string }[]} backends  as the configuration names them
 * @property {(n: number) => Promise<number>} kill  when it died, in ms of the wall clock
 * @property {(n: number) => Promise<unknown>} revive
 * @property {() => Promise<{ requests: number, connections: number }>} counts  so far, of all together
 * @property {() => void} stop
 */

/** A loopback address for each backend. @param {number} n up to 65,535 */
export function addressOf(n) {
  return `127.9.${n >> 8}.${n & 255}`;
}

/** Resolves once all of them listen. @param {number} count @returns {Promise<Fleet>} */
export async function startFleet(count) {
  const [port = 0] = await freePorts(1);
  const processes = await Promise.all(
    Array.from({ length: Math.ceil(count / PER_PROCESS) }, (_, i) =>
      startProcess(port, i * PER_PROCESS, Math.min(PER_PROCESS, count - i * PER_PROCESS)),
    ),
  );
  const ownerOf = (/** @type {number} */ n) => /** @type {Asked} */ (processes[Math.floor(n / PER_PROCESS)]);
  return {
    backends: Array.from({ length: count }, (_, n) => ({ id: `b${n}`, url: `http://${addressOf(n)}:${port}` })),
    kill: async (n) => (await ownerOf(n).ask({ kill: n })).atMs,
    revive: (n) => ownerOf(n).ask({ revive: n }),
    counts: async () => {
      const all = await Promise.all(processes.map(({ ask }) => ask({})));
      const sum = (/** @type {'requests' | 'connections'} */ key) => all.reduce((total, each) => total + each[key], 0);
      return { requests: sum('requests'), connections: sum('connections') };
    },
    stop: () => {
      for (const { stop } of processes) stop();
    },
  };
}

/** @typedef {{ ask(message: object): Promise<Counts>, stop(): void }} Asked */

/** @param {number} port @param {number} from @param {number} count @returns {Promise<Asked>} */
async function startProcess(port, from, count) {
  const [program = '', ...args] = pinned(LOAD_CPU, [process.execPath, SCRIPT, `${port}`, `${from}`, `${count}`]);
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  process.on('exit', () => child.kill('SIGKILL'));
  await once(child, 'message');
  let asked = 0;
  return {
    ask: (message) => {
      asked += 1;
      const id = asked;
      child.send({ ...message, id });
      return new Promise((resolve) => {
        const listen = (/** @type {Counts & { id: number }} */ answer) => {
          if (answer.id !== id) return;
          child.off('message', listen);
          resolve(answer);
        };
        child.on('message', listen);
      });
    },
    stop: () => child.kill('SIGKILL'),
  };
}
