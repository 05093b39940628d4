/** Every proxy that the scoreboard compares: how it is found, named, configured and started. */

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { built, fromDebian, fromNpm } from '../lib/programs.mjs';
import * as configs from './configs.mjs';

/**
 * @typedef {import('../lib/configs.mjs').Place} Place
 * @typedef {object} Target
 * @property {string} name
 * @property {string | null} missing  what to do about it when it cannot run here; null = it can
 * @property {string} version
 * @property {(place: Place) => string} config  for whoever reads it; programs of peers/ have none and show themselves
 * @property {(place: Place, file: string) => { command: string[], env: Record<string, string> }} launch  with the configuration in `file`
 */

/**
 * In the order of the table.
 * @param {string} node the binary that runs what runs on Node
 * @param {string | null} scratch a folder, for asking whether Pulsegate takes its configurations; null = not to be asked
 * @returns {Target[]}
 */
export function allTargets(node, scratch) {
  return [
    checked('pulsegate', node, configs.pulsegate, scratch),
    checked('pulsegate+hedge', node, configs.pulsegateHedge, scratch),
    checked('pulsegate-tuned', node, configs.pulsegateTuned, scratch),
    configured(fromDebian('nginx'), configs.nginx),
    configured(fromDebian('haproxy'), configs.haproxy),
    configured(fromDebian('caddy'), configs.caddy),
    peer('http-proxy-3', node, fromNpm('http-proxy-3', 'bench/')),
    peer('node-undici', node, fromNpm('undici', '')),
  ];
}

/** Pulsegate, if this build takes the configuration: a column for what it cannot do yet is left out. @param {string} name @param {string} node @param {(place: Place) => string} config @param {string | null} scratch */
function checked(name, node, config, scratch) {
  const program = built(name, node);
  if (program.missing !== null || scratch === null) return configured(program, config);
  const file = join(scratch, `${name}-check.yaml`);
  writeFileSync(file, config({ port: 1, adminPort: 2, backends: [3, 4, 5, 6], folder: scratch }));
  const [binary = '', main = ''] = program.command(file, scratch);
  const { status, stderr } = spawnSync(binary, [main, 'check', '-c', file], { encoding: 'utf8' });
  const missing = status === 0 ? null : `a build that takes its configuration (${stderr.trim().split('\n')[0]})`;
  return configured({ ...program, missing }, config);
}

/** @param {import('../lib/programs.mjs').Program} program @param {(place: Place) => string} config @returns {Target} */
function configured({ name, missing, version, command, env }, config) {
  return {
    name,
    missing,
    version,
    config,
    launch: ({ folder }, file) => ({ command: command(file, folder), env: env(folder) }),
  };
}

/** A program of peers/ on Node. @param {string} name @param {string} node @param {{ missing: string | null, version: string }} installed @returns {Target} */
function peer(name, node, { missing, version }) {
  const script = fileURLToPath(new URL(`peers/${name}.mjs`, import.meta.url));
  return {
    name,
    missing,
    version,
    config: () => readFileSync(script, 'utf8'),
    launch: ({ port, backends }) => ({
      command: [node, script, String(port), backends.join(',')],
      env: { NODE_ENV: 'production', NODE_NO_WARNINGS: '1' },
    }),
  };
}
