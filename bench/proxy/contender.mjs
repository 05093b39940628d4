/** A target that runs, and has been proven to answer a row's requests rightly. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROXY_CPU } from '../lib/backends.mjs';
import { cpuTimeUs, freePorts, listening, start } from '../lib/process.mjs';
import { prove } from './prove.mjs';

/**
 * @typedef {import('../lib/configs.mjs').Certificate} Certificate
 * @typedef {import('./targets.mjs').Target} Target
 * @typedef {{ target: Target, process: import('../lib/process.mjs').Running, port: number, tls: Certificate | null }} Contender
 */

/**
 * Throws, with what is wrong, when it cannot be started or does not answer rightly.
 * @param {Target} target @param {import('./rows.mjs').Row} row @param {readonly number[]} backends @param {string} folder
 * @returns {Promise<Contender>}
 */
export async function startContender(target, row, backends, folder) {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const tls = row.protocol === 'tls' || row.protocol === 'http2' ? certificate(folder) : null;
  const { command, env } = target.launch({ port, adminPort, backends: [...backends], folder, tls });
  const running = start(target.name, PROXY_CPU, command, env);
  try {
    await listening(running, port);
    await prove(target, row, { port, tls, folder });
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { target, process: running, port, tls };
}

/**
 * What `work` gives, and the CPU time that the contender spent on each of what it counted.
 * @param {Contender} contender @param {() => Promise<import('./load.mjs').LoadResult>} work
 */
export async function measured({ process: proxy }, work) {
  const before = cpuTimeUs(proxy.pid);
  const result = await work();
  const spentUs = cpuTimeUs(proxy.pid) - before;
  if (proxy.exited) throw new Error(`ended during the run: ${proxy.errors.trim()}`);
  if (result.requests === 0) throw new Error('answered nothing');
  return { ...result, cpuUs: spentUs / result.requests };
}

/** @type {Certificate | null} */
let made = null;

/** One for all: ECDSA P-256, as most sites have by now. @param {string} folder @returns {Certificate} */
function certificate(folder) {
  if (made !== null) return made;
  const names = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), both: join(folder, 'both.pem') };
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=api.example.com', '-addext', 'subjectAltName=DNS:api.example.com'];
  execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', names.key, '-out', names.cert], { stdio: 'ignore' });
  writeFileSync(names.both, readFileSync(names.cert, 'utf8') + readFileSync(names.key, 'utf8'));
  made = names;
  return made;
}
