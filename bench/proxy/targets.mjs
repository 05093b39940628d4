/** Every program that is measured: what it can do, how it is found, named, configured and started. */

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { firstLine } from '../lib/process.mjs';
import { built, fromDebian, fromNpm } from '../lib/programs.mjs';
import * as configs from './configs.mjs';

/**
 * @typedef {import('../lib/configs.mjs').Place} Place
 * @typedef {'http1' | 'tls' | 'http2' | 'websocket'} Protocol  towards clients; `tls`: HTTP/1 over it
 * @typedef {{ command: string[], env: Record<string, string> }} Launch
 *
 * @typedef {object} Target
 * @property {string} name
 * @property {string | null} missing  what to do about it when it is not installed; null = it is
 * @property {string} version
 * @property {readonly Protocol[]} speaks
 * @property {boolean} forwards  parses requests, and so adds x-forwarded-for
 * @property {readonly string[]} [rows]  names; absent = every row whose protocol it speaks
 * @property {(place: Place) => Launch} launch
 */

/** @type {readonly Protocol[]} */
const ALL = ['http1', 'tls', 'http2', 'websocket'];

/**
 * In the order of the tables.
 * @param {readonly string[]} nodes binaries: everything on Node runs on the first, Pulsegate also on each of the others
 * @returns {Target[]}
 */
export function allTargets(nodes) {
  const [node = process.execPath, ...others] = nodes;
  return [
    configured(built('pulsegate', node), configs.pulsegate, 'yaml', ALL),
    ...others.map((other) => configured(built(nameOn(other), other), configs.pulsegate, 'yaml', ALL)),
    { ...configured(built('pulsegate-bare', node), configs.pulsegateBare, 'yaml', ['http1']), rows: ['1k'] },
    configured(fromDebian('nginx'), configs.nginx, 'conf', ALL),
    configured(fromDebian('haproxy'), configs.haproxy, 'conf', ALL),
    configured(fromDebian('caddy'), configs.caddy, 'conf', ALL),
    front('http-proxy', node, fromNpm('http-proxy', ''), ['http1', 'tls', 'websocket']),
    front('http-proxy-3', node, fromNpm('http-proxy-3', 'bench/'), ['http1', 'tls', 'websocket']),
    front('httpxy', node, fromNpm('httpxy', 'bench/'), ['http1', 'tls', 'websocket']),
    front('fastify-http-proxy', node, fromNpm('@fastify/http-proxy', 'bench/'), ALL),
    front('node-http-undici', node, fromNpm('undici', ''), ['http1', 'tls']),
    front('node-http2', node, { missing: null, version: '' }, ['http2']),
    { ...front('node-relay', node, { missing: null, version: '' }, ['http1', 'websocket']), forwards: false },
  ];
}

/** @param {string} node */
function nameOn(node) {
  return `pulsegate-node${/\d+/.exec(firstLine([node, '--version']))?.[0] ?? ''}`;
}

/**
 * @param {import('../lib/programs.mjs').Program} program @param {(place: Place) => string} config @param {string} ending
 * @param {readonly Protocol[]} speaks
 * @returns {Target}
 */
function configured({ name, missing, version, command, env }, config, ending, speaks) {
  return {
    name,
    missing,
    version,
    speaks,
    forwards: true,
    launch: (place) => {
      const file = `${place.folder}/${name}.${ending}`;
      writeFileSync(file, config(place));
      return { command: command(file, place.folder), env: env(place.folder) };
    },
  };
}

/**
 * A program of targets/ on Node.
 * @param {string} name @param {string} node @param {{ missing: string | null, version: string }} installed
 * @param {readonly Protocol[]} speaks
 * @returns {Target}
 */
function front(name, node, { missing, version }, speaks) {
  const script = fileURLToPath(new URL(`targets/${name}.mjs`, import.meta.url));
  return {
    name,
    missing,
    version,
    speaks,
    forwards: true,
    launch: ({ port, backends, tls }) => ({
      command: [node, script, String(port), backends.join(','), ...(tls ? [tls.cert, tls.key] : [])],
      env: { NODE_ENV: 'production', NODE_NO_WARNINGS: '1' },
    }),
  };
}
