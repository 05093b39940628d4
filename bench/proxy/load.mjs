/**
 * The load generators, each a process of its own on the load's CPU, whose last line is its result. wrk and h2load are fast
 * enough to keep any of the proxies busy; where they are missing, or cannot do it, a client of clients/ takes their place.
 */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LOAD_CPU } from '../lib/backends.mjs';
import { findOnPath, pinned } from '../lib/process.mjs';
import { requestHeads, requests } from './exchange.mjs';

/**
 * @typedef {object} LoadResult
 * @property {number} requests  whole answers, or echoes
 * @property {number} errors  answers other than 2xx, wrong ones, and connections that failed
 * @property {number} perSecond
 * @property {number} [p50Ms]
 * @property {number} [p99Ms]
 * @property {number} [p999Ms]
 * @property {number} [meanMs]
 * @property {number} [lateMs]  how far an open-loop client fell behind its own schedule
 *
 * @typedef {{ port: number, connections: number, seconds: number, folder: string, tls: import('../lib/configs.mjs').Certificate | null }} LoadOptions
 * @typedef {{ name: string, missing: string | null, run(options: LoadOptions): Promise<LoadResult> }} Generator
 */

const run = promisify(execFile);
const client = (/** @type {string} */ name) => fileURLToPath(new URL(`clients/${name}`, import.meta.url));
const schemeOf = (/** @type {LoadOptions} */ { tls }) => (tls === null ? 'http' : 'https');

/** Requests on connections kept alive, or one on each. @param {boolean} [isKeptAlive] @returns {Generator} */
export function wrk(isKeptAlive = true) {
  const last = isKeptAlive ? '\r\n\r\n' : '\r\nconnection: close\r\n\r\n';
  return {
    name: 'wrk',
    missing: findOnPath('wrk') === null ? 'apt-get install wrk' : null,
    run: (options) => {
      const { port, connections, seconds, folder } = options;
      const file = `${folder}/requests.txt`;
      const heads = requestHeads().map((head) => head.replace('\r\n\r\n', last));
      writeFileSync(file, heads.join(''));
      const args = [`-c${connections}`, `-d${Math.max(1, Math.round(seconds))}s`, '-s', client('wrk.lua')];
      const command = ['wrk', '-t1', ...args, `${schemeOf(options)}://127.0.0.1:${port}`];
      return generate(command, { BENCH_REQUESTS: file });
    },
  };
}

/** What most users of Node have; it saturates before the faster proxies do. @type {Generator} */
export const autocannon = {
  name: 'autocannon',
  missing: null,
  run: ({ port, connections, seconds }) => onNode('autocannon.mjs', [port, connections, seconds]),
};

/** Whole TLS handshakes, one request each. @type {Generator} */
export const handshakes = {
  name: 'own client',
  missing: null,
  run: ({ port, connections, seconds, tls }) =>
    onNode('handshakes.mjs', [port, connections, seconds, tls === null ? '' : tls.cert]),
};

/** @param {number} bytes of a message @returns {Generator} */
export function echoes(bytes) {
  return {
    name: 'own client',
    missing: null,
    run: ({ port, connections, seconds }) => onNode('websocket.mjs', ['load', port, connections, seconds, bytes]),
  };
}

/** Requests at a rate, whatever becomes of them. @param {number} port @param {number} perSecond @param {number} seconds */
export function openLoop(port, perSecond, seconds) {
  return onNode('open-loop.mjs', [port, Math.max(1, Math.round(perSecond)), seconds]);
}

/** @param {number} streams of each connection @returns {Generator} */
export function h2load(streams) {
  return {
    name: 'h2load',
    missing: findOnPath('h2load') === null ? 'apt-get install nghttp2-client' : null,
    run: async (options) => {
      const { port, connections, seconds, folder } = options;
      const uris = `${folder}/uris-${port}`;
      const all = requests();
      writeFileSync(uris, all.map(({ path }) => `${schemeOf(options)}://127.0.0.1:${port}${path}\n`).join(''));
      const { host = '', ...headers } = all[1]?.headers ?? {};
      const fields = Object.entries({ ':authority': host, ...headers });
      const size = ['-t1', '-c', String(connections), '-m', String(streams), '-D', String(Math.ceil(seconds))];
      const given = fields.flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
      const stdout = await output(['h2load', ...size, ...given, '-i', uris], {});
      return readH2load(stdout, Math.ceil(seconds));
    },
  };
}

/** @param {string} text of h2load @param {number} seconds @returns {LoadResult} */
function readH2load(text, seconds) {
  const [, succeeded = '0', failed = '0'] = /(\d+) succeeded, (\d+) failed/.exec(text) ?? [];
  const others = /status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(text)?.slice(1) ?? [];
  const whole = Number(succeeded);
  return {
    requests: whole,
    errors: others.reduce((sum, count) => sum + Number(count), Number(failed)),
    perSecond: whole / seconds,
    meanMs: milliseconds(/time for request: +\S+ +\S+ +(\S+)/.exec(text)?.[1] ?? ''),
  };
}

/** @param {string} text of h2load: `1.23ms`, `456us`, `1.02s` */
function milliseconds(text) {
  const value = Number.parseFloat(text);
  return text.endsWith('us') ? value / 1_000 : text.endsWith('ms') ? value : value * 1_000;
}

/** @param {string} script of clients/ @param {readonly (string | number)[]} args */
function onNode(script, args) {
  return generate([process.execPath, client(script), ...args.map(String)], {});
}

/** @param {string[]} command @param {Record<string, string>} env @returns {Promise<LoadResult>} */
async function generate(command, env) {
  const stdout = await output(command, env);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/** @param {string[]} command @param {Record<string, string>} env */
async function output(command, env) {
  const [program = '', ...args] = pinned(LOAD_CPU, command);
  const { stdout } = await run(program, args, { env: { ...process.env, ...env }, maxBuffer: 1 << 24 });
  return stdout;
}
