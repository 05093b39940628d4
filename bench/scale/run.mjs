/**
 * `npm run bench:scale`: what a fleet costs, and what one core carries. For each size a fleet of real backends is started, each
 * with an address of its own, and the built proxy in front of it with the default settings; then, one after the other: the start, probes
 * alone, traffic, the deaths of some backends under traffic, and heartbeats by three ways. It ends within the time that it announces.
 *
 *   --backends 10,100,1000,10000        --rate N     requests per second, 500
 *   --seconds S   each measurement, 10  --node PATH  the binary for Pulsegate
 *   --profile N   seconds in which the proxy of the largest fleet is profiled, 8; 0 = not
 *   --out FILE    bench/results/scale.json; then docs/scale.md is written from it, unless it is another
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LOAD_CPU } from '../lib/backends.mjs';
import { describeMachine, root } from '../lib/machine.mjs';
import { readArguments } from '../lib/options.mjs';
import { pinning } from '../lib/process.mjs';
import { measureSize, secondsFor } from './size.mjs';
import { renderPage, scaleSections } from './tables.mjs';

/** On a machine that has other work, everything takes longer, and means less. */
const SLACK = 1.5;
const RESULTS = join(root, 'bench/results/scale.json');

const values = readArguments({
  backends: { type: 'string', default: '10,100,1000,10000' },
  rate: { type: 'string', default: '500' },
  seconds: { type: 'string', default: '10' },
  node: { type: 'string', default: process.execPath },
  profile: { type: 'string', default: '8' },
  out: { type: 'string', default: RESULTS },
});
const sizes = values.backends
  .split(',')
  .map(Number)
  .sort((a, b) => a - b);
if (!sizes.every((size) => Number.isInteger(size) && size >= 2 && size <= 20_000)) {
  say('--backends takes numbers from 2 to 20000');
  process.exit(2);
}
const options = { seconds: Number(values.seconds), rate: Number(values.rate), node: values.node };
const profiled = Math.max(...sizes);
const profileSeconds = Number(values.profile);

const folder = mkdtempSync(join(tmpdir(), 'pulsegate-scale-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
// The load and the backends share a CPU; the proxy has one to itself.
if (pinning) spawnSync('taskset', ['-pc', String(LOAD_CPU), String(process.pid)]);

const usualSeconds = sizes.reduce((sum, size) => sum + secondsFor(size, options), profileSeconds + 5);
const limitSeconds = SLACK * usualSeconds;
const [usual, limit] = [usualSeconds, limitSeconds].map((seconds) => Math.ceil(seconds / 6) / 10);
say(`fleets of ${sizes.join(', ')}: about ${usual} minutes, at most ${limit}`);
const startedMs = performance.now();
setTimeout(() => {
  say('the time announced is over: this machine has other work, its figures would say nothing');
  process.exit(1);
}, limitSeconds * 1_000).unref();

const results = [];
let profile = null;
for (const size of sizes) {
  say(`${size} backends`);
  const isProfiled = size === profiled && profileSeconds > 0;
  const measured = await measureSize(size, {
    ...options,
    folder,
    say,
    profileSeconds: isProfiled ? profileSeconds : 0,
  });
  profile = measured.profile ?? profile;
  results.push(measured.figures);
}
const seconds = Math.round((performance.now() - startedMs) / 1_000);
const result = {
  machine: describeMachine(values.node),
  options: { ...options, node: undefined },
  seconds,
  results,
  profile,
};
say(`\n${scaleSections(result).join('\n\n')}\n`);
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
say(`written: ${values.out}, after ${seconds} s`);
if (values.out === RESULTS) renderPage(result);
process.exit(0);

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}
