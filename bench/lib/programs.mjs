/** Programs that both benchmarks compare with: where they are found, what they are called, how they are started. */

import { existsSync, readFileSync } from 'node:fs';
import { root } from './machine.mjs';
import { findOnPath, firstLine } from './process.mjs';

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {string | null} missing  what installs it; null = it is there
 * @property {string} version
 * @property {(file: string, folder: string) => string[]} command  that runs it with a configuration, in the foreground
 * @property {(folder: string) => Record<string, string>} env
 */

/** @type {Record<'nginx' | 'haproxy' | 'caddy', { versionArgs: string[], args(file: string, folder: string): string[] }>} */
const FROM_DEBIAN = {
  nginx: { versionArgs: ['-v'], args: (file, folder) => ['-p', folder, '-c', file, '-e', 'stderr'] },
  haproxy: { versionArgs: ['-v'], args: (file) => ['-db', '-f', file] },
  caddy: { versionArgs: ['version'], args: (file) => ['run', '--adapter', 'caddyfile', '--config', file] },
};

/** A proxy from the system's packages, limited to one CPU. @param {'nginx' | 'haproxy' | 'caddy'} name @returns {Program} */
export function fromDebian(name) {
  const { versionArgs, args } = FROM_DEBIAN[name];
  const program = findOnPath(name);
  return {
    name,
    missing: program === null ? `apt-get install ${name}` : null,
    version: program === null ? '' : (/\d+\.\d+\.\d+/.exec(firstLine([program, ...versionArgs]))?.[0] ?? ''),
    command: (file, folder) => [program ?? name, ...args(file, folder)],
    env: (folder) => ({ GOMAXPROCS: '1', XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }),
  };
}

/** What `npm run build` made. @param {string} name @param {string} node the binary to run it with @returns {Program} */
export function built(name, node) {
  const main = `${root}dist/main.js`;
  return {
    name,
    missing: existsSync(main) ? null : 'npm run build',
    version: JSON.parse(readFileSync(`${root}package.json`, 'utf8')).version,
    command: (file) => [node, main, 'run', '-c', file],
    env: () => ({ NODE_ENV: 'production', NODE_NO_WARNINGS: '1' }),
  };
}

/**
 * A package of npm, here or in bench/: its version, and what installs it when it is missing.
 * @param {string} name @param {'' | 'bench/'} folder
 */
export function fromNpm(name, folder) {
  const manifest = `${root}${folder}node_modules/${name}/package.json`;
  const found = existsSync(manifest);
  return {
    missing: found ? null : folder === '' ? 'npm ci' : 'npm ci in bench/',
    version: found ? String(JSON.parse(readFileSync(manifest, 'utf8')).version) : '',
  };
}
