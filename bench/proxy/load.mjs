/**
 * The load generators, each a process of its own. wrk is fast enough to keep any of the proxies busy; autocannon is what
 * users have, and saturates before the faster proxies do.
 */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findOnPath, pinned } from '../lib/process.mjs';
import { requestHeads } from './exchange.mjs';

/**
 * @typedef {object} LoadResult
 * @property {number} requests  whole answers
 * @property {number} errors  answers other than 2xx, and connections that failed
 * @property {number} perSecond
 * @property {number} p50Ms
 * @property {number} p99Ms
 *
 * @typedef {{ port: number, connections: number, seconds: number, cpu: number }} LoadOptions
 * @typedef {{ name: string, run(options: LoadOptions): Promise<LoadResult> }} LoadGenerator
 */

const run = promisify(execFile);
const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * Those that are installed.
 * @param {string} folder where wrk's requests are written to
 * @returns {LoadGenerator[]}
 */
export function loadGenerators(folder) {
  return findOnPath('wrk') === null ? [autocannon] : [wrk(folder), autocannon];
}

/** @param {string} folder @returns {LoadGenerator} */
function wrk(folder) {
  const file = `${folder}/requests.txt`;
  writeFileSync(file, requestHeads().join(''));
  return {
    name: 'wrk',
    run({ port, connections, seconds, cpu }) {
      const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', here('wrk.lua'), `http://127.0.0.1:${port}`];
      return generate(cpu, ['wrk', ...args], { BENCH_REQUESTS: file });
    },
  };
}

/** @type {LoadGenerator} */
const autocannon = {
  name: 'autocannon',
  run({ port, connections, seconds, cpu }) {
    const args = [port, connections, seconds].map(String);
    return generate(cpu, [process.execPath, here('autocannon.mjs'), ...args], {});
  },
};

/**
 * Runs a generator, whose last line is its result.
 * @param {number} cpu @param {string[]} command @param {Record<string, string>} env
 * @returns {Promise<LoadResult>}
 */
async function generate(cpu, command, env) {
  const [program, ...args] = pinned(cpu, command);
  const { stdout } = await run(/** @type {string} */ (program), args, { env: { ...process.env, ...env } });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}
