/**
 * `npm run soak`: everything at once, for long. Mixed clients (small requests, transfers both ways, HTTP/2, TLS, WebSocket, slow ones, and
 * ones that leave at every stage), backends that are killed, stopped, hang, fail, reset, cut short or slow down, and reloads of the
 * configuration, all from a seed. What must hold: every answer is its request's, byte for byte; no POST is executed twice; while nothing is
 * wrong nothing fails; memory does not grow, and descriptors and timers are back where they were when all is quiet again.
 * Exit code 1 when anything of that did not hold, with the command that repeats it.
 *
 *   --minutes N   10        or --seconds N      --seed S    made from the time, and printed
 *   --users N     of every kind of client, 2    --node PATH the binary for Pulsegate
 *   --clients a,b only these kinds of client: get,post,http2,...
 *   --keep        leaves the log and the ledgers in their folder      --out FILE  bench/results/soak.json
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describeMachine, root } from '../lib/machine.mjs';
import { positive, readArguments } from '../lib/options.mjs';
import { screenOf } from './screen.mjs';
import { soak } from './soak.mjs';

const values = readArguments({
  minutes: { type: 'string', default: '10' },
  seconds: { type: 'string' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  users: { type: 'string', default: '2' },
  node: { type: 'string', default: process.execPath },
  clients: { type: 'string' },
  keep: { type: 'boolean', default: false },
  out: { type: 'string', default: join(root, 'bench/results/soak.json') },
});
const seconds = values.seconds === undefined ? Number(values.minutes) * 60 : Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds >= 5) || !Number.isInteger(seed)) {
  process.stdout.write('--minutes and --seconds take numbers, at least 5 seconds; --seed an integer\n');
  process.exit(2);
}
const repeat = `npm run soak -- --seconds ${seconds} --seed ${seed}`;
const folder = mkdtempSync(join(tmpdir(), 'pulsegate-soak-'));
process.on('exit', () => {
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
});
process.stdout.write(`soak of ${Math.round(seconds)} s and up to a minute for its end, seed ${seed}\n`);

const clients = values.clients?.split(',') ?? null;
const report = await soak({
  seconds,
  seed,
  folder,
  users: positive('users', values.users),
  clients,
  node: values.node,
  say,
});
const result = { machine: describeMachine(values.node), repeat, ...report };
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
say(`\n${screenOf(result)}`);
if (values.keep) say(`kept: ${folder}`);
process.exit(report.violationCount === 0 ? 0 : 1);

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}
