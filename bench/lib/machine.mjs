/** Where figures come from: without machine, versions and commit a figure means nothing. */

import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { firstLine, pinning } from './process.mjs';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** @param {string} node the binary that ran what was measured */
export function describeMachine(node) {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    pulsegate: JSON.parse(readFileSync(`${root}package.json`, 'utf8')).version,
    node: firstLine([node, '--version']),
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: /^[\d.]+/.exec(release())?.[0] ?? release(),
    pinned: pinning,
  };
}

/** As a sentence. @param {ReturnType<typeof describeMachine>} machine */
export function whereText({ node, cpu, cpus, kernel, commit, date, pinned }) {
  const place = pinned ? 'proxy on one CPU, load and backends on another' : 'processes not pinned';
  return `Node ${node.slice(1)}, ${cpu}, ${cpus} CPUs, Linux ${kernel}, ${place}; commit ${commit}, ${date.slice(0, 10)}.`;
}

/** What is measured, and by what: changes to results and documents do not count. */
function commit() {
  const git = (/** @type {string[]} */ ...args) => firstLine(['git', '-C', root, ...args]);
  const changes = git('status', '--porcelain', '--', 'src', 'bench', 'package-lock.json', ':!bench/results');
  return `${git('rev-parse', '--short', 'HEAD') || 'unknown'}${changes === '' ? '' : '-dirty'}`;
}
