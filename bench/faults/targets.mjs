/** Every proxy that the scoreboard compares: how it is found, named, configured and started. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/machine.mjs';
import { findOnPath, firstLine } from '../lib/process.mjs';
import * as configs from './configs.mjs';

/**
 * @typedef {import('./configs.mjs').Place} Place
 * @typedef {object} Target
 * @property {string} name
 * @property {string | null} missing  what to do about it when it cannot run here; null = it can
 * @property {string} version
 * @property {(place: Place) => string} config
 * @property {(file: string, folder: string) => string[]} command
 */

export const DEFAULT_TARGETS = ['pulsegate', 'pulsegate+hedge', 'pulsegate-tuned', 'nginx', 'haproxy', 'caddy'];

/** In the order of the table. @param {string} node the binary that Pulsegate runs on @param {string} scratch @returns {Target[]} */
export function allTargets(node, scratch) {
  return [
    pulsegate('pulsegate', node, configs.pulsegate, scratch),
    pulsegate('pulsegate+hedge', node, configs.pulsegateHedge, scratch),
    pulsegate('pulsegate-tuned', node, configs.pulsegateTuned, scratch),
    server('nginx', ['-v'], configs.nginx, (program, file, folder) => [
      program,
      '-p',
      folder,
      '-c',
      file,
      '-e',
      'stderr',
    ]),
    server('haproxy', ['-v'], configs.haproxy, (program, file) => [program, '-db', '-f', file]),
    server('caddy', ['version'], configs.caddy, (program, file) => [
      ...[program, 'run', '--adapter', 'caddyfile', '--config', file],
    ]),
  ];
}

/**
 * @param {string} name @param {string} node @param {(place: Place) => string} config @param {string} scratch
 * @returns {Target}
 */
function pulsegate(name, node, config, scratch) {
  const main = `${root}dist/main.js`;
  return {
    name,
    missing: existsSync(main) ? refusal(name, node, main, config, scratch) : 'npm run build',
    version: JSON.parse(readFileSync(`${root}package.json`, 'utf8')).version,
    config,
    command: (file) => [node, main, 'run', '-c', file],
  };
}

/** Why this build does not take the configuration: a column for what it cannot do yet is left out. @param {string} name @param {string} node @param {string} main @param {(place: Place) => string} config @param {string} scratch */
function refusal(name, node, main, config, scratch) {
  const file = join(scratch, `${name}-check.yaml`);
  writeFileSync(file, config({ port: 1, adminPort: 2, backends: [3, 4, 5, 6], folder: scratch }));
  const { status, stderr } = spawnSync(node, [main, 'check', '-c', file], { encoding: 'utf8' });
  return status === 0 ? null : `a build that takes its configuration (${stderr.trim().split('\n')[0]})`;
}

/**
 * A proxy from the system's packages.
 * @param {string} name @param {string[]} versionArgs @param {(place: Place) => string} config
 * @param {(program: string, file: string, folder: string) => string[]} command
 * @returns {Target}
 */
function server(name, versionArgs, config, command) {
  const program = findOnPath(name);
  return {
    name,
    missing: program === null ? `apt-get install ${name}` : null,
    version: program === null ? '' : (/\d+\.\d+\.\d+/.exec(firstLine([program, ...versionArgs]))?.[0] ?? ''),
    config,
    command: (file, folder) => command(program ?? name, file, folder),
  };
}
