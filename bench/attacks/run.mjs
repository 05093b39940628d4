/**
 * `npm run build && node bench/attacks/run.mjs`: the attacks of test/e2e/attacks.test.ts at full size (5,000 slow connections, 20
 * seconds each) while a client asks 50 times a second. What is expected: every request of it answered, its p99 at most three times
 * that of the quiet seconds before, the proxy below 512 MiB, and its descriptors back afterwards. About five minutes.
 *
 *   --only TEXT   attacks with this in their name      --out FILE   bench/results/attacks.json
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { round, table } from '../lib/figures.mjs';
import { describeMachine, root } from '../lib/machine.mjs';
import { readArguments } from '../lib/options.mjs';

/** @typedef {import('../../test/support/siege.ts').Figures} Figures */

const values = readArguments({
  only: { type: 'string' },
  out: { type: 'string', default: join(root, 'bench/results/attacks.json') },
});
const folder = mkdtempSync(join(tmpdir(), 'pulsegate-attacks-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'figures.jsonl');

const code = await runTests();
const results = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(parse) : [];
mkdirSync(dirname(values.out), { recursive: true });
const machine = describeMachine(process.execPath);
writeFileSync(values.out, `${JSON.stringify({ machine, passed: code === 0, results }, null, 2)}\n`);
process.stdout.write(`\n${show(results)}\n`);
process.exit(code);

/** The tests judge; here their figures are shown. @returns {Promise<number>} exit code */
function runTests() {
  const filter = values.only === undefined ? [] : ['-t', values.only];
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', 'test/e2e/attacks.test.ts', ...filter], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PULSEGATE_ATTACKS: 'long', PULSEGATE_ATTACK_FIGURES: file },
  });
  // It ends its own processes.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => child.kill('SIGINT'));
  return new Promise((resolve) => child.once('exit', (status) => resolve(status ?? 1)));
}

/** @param {string} line @returns {Figures} */
function parse(line) {
  return JSON.parse(line);
}

/** @param {Figures[]} results */
function show(results) {
  const head = [
    'attack',
    'done',
    'answered',
    'p99 before, ms',
    'p99, ms',
    'factor',
    'longest, ms',
    'MiB',
    'descriptors',
    'back after',
  ];
  const rows = results.map(({ attack, done, unit, asked, errors, peaceP99Ms, p99Ms, longestMs, peakMiB, ...rest }) => [
    attack,
    `${round(done, 0)} ${unit}`,
    `${asked - errors.length} of ${asked}`,
    round(peaceP99Ms, 1),
    round(p99Ms, 1),
    round(p99Ms / peaceP99Ms, 1),
    round(longestMs, 0),
    round(peakMiB, 0) + (rest.survived ? '' : ' (died)'),
    `${rest.descriptors.before} / ${rest.descriptors.peak} / ${rest.descriptors.after}`,
    rest.recoveryMs === null ? 'never' : `${round(rest.recoveryMs / 1_000, 1)} s`,
  ]);
  return table(head, rows);
}
