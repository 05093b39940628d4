/** Every program that can be measured: how it is found, named, configured and started. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { root } from '../lib/machine.mjs';
import { findOnPath, firstLine } from '../lib/process.mjs';
import * as configs from './configs.mjs';

/**
 * @typedef {import('./configs.mjs').Place} Place
 * @typedef {{ command: string[], env?: Record<string, string> }} Launch
 * @typedef {object} Target
 * @property {string} name
 * @property {string | null} missing  what to do about it when it is not installed; null = it is
 * @property {string} version
 * @property {boolean} forwards  speaks HTTP and so adds x-forwarded-for
 * @property {(place: Place) => Launch} launch
 */

/** In the order of the table. @param {string} node the binary that runs what runs on Node @returns {Target[]} */
export function allTargets(node) {
  return [
    pulsegate('pulsegate', node, configs.pulsegate),
    pulsegate('pulsegate-bare', node, configs.pulsegateBare),
    server('nginx', ['-v'], configs.nginx, (program, file, { folder }) => [program, '-p', folder, '-c', file]),
    server('haproxy', ['-v'], configs.haproxy, (program, file) => [program, '-db', '-f', file]),
    server('caddy', ['version'], configs.caddy, (program, file) => [
      ...[program, 'run', '--adapter', 'caddyfile', '--config', file],
    ]),
    peer('http-proxy', node, 'node_modules/http-proxy', 'npm ci'),
    peer('http-proxy-3', node, 'bench/node_modules/http-proxy-3', 'npm ci in bench/'),
    peer('httpxy', node, 'bench/node_modules/httpxy', 'npm ci in bench/'),
    peer('fastify-http-proxy', node, 'bench/node_modules/@fastify/http-proxy', 'npm ci in bench/'),
    peer('node-http-undici', node, 'node_modules/undici', 'npm ci'),
    { ...peer('node-relay', node, '', ''), forwards: false },
  ];
}

/** @param {string} name @param {string} node @param {(place: Place) => string} config @returns {Target} */
function pulsegate(name, node, config) {
  const main = `${root}dist/main.js`;
  return {
    name,
    missing: existsSync(main) ? null : 'npm run build',
    version: JSON.parse(readFileSync(`${root}package.json`, 'utf8')).version,
    forwards: true,
    launch: (place) => ({ command: [node, main, 'run', '-c', write(`${place.folder}/${name}.yaml`, config(place))] }),
  };
}

/**
 * A proxy from the system's packages.
 * @param {string} name @param {string[]} versionArgs @param {(place: Place) => string} config
 * @param {(program: string, file: string, place: Place) => string[]} command
 * @returns {Target}
 */
function server(name, versionArgs, config, command) {
  const program = findOnPath(name);
  return {
    name,
    missing: program === null ? `apt-get install ${name}` : null,
    version: program === null ? '' : (/\d+\.\d+\.\d+/.exec(firstLine([program, ...versionArgs]))?.[0] ?? ''),
    forwards: true,
    launch: (place) => ({
      command: command(program ?? name, write(`${place.folder}/${name}.conf`, config(place)), place),
      env: { GOMAXPROCS: '1', XDG_DATA_HOME: place.folder, XDG_CONFIG_HOME: place.folder },
    }),
  };
}

/** A front of targets/ on Node. @param {string} name @param {string} node @param {string} needs @param {string} install @returns {Target} */
function peer(name, node, needs, install) {
  const manifest = `${root}${needs}/package.json`;
  const found = needs === '' || existsSync(manifest);
  return {
    name,
    missing: found ? null : install,
    version: found && needs !== '' ? JSON.parse(readFileSync(manifest, 'utf8')).version : '',
    forwards: true,
    launch: ({ port, backends }) => ({
      command: [node, fileURLToPath(new URL(`targets/${name}.mjs`, import.meta.url)), String(port), backends.join(',')],
      env: { NODE_ENV: 'production', NODE_NO_WARNINGS: '1' },
    }),
  };
}

/** @param {string} path @param {string} text */
function write(path, text) {
  writeFileSync(path, text);
  return path;
}
