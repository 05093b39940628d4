/**
 * `node --expose-gc inner.mjs COUNT`: what the control plane's parts cost by themselves in a pool of COUNT backends, without sockets:
 * a change of one backend settled over the whole pool, the snapshot made of it, a pick, a success recorded, the review of everybody's
 * windows, and memory. Prints JSON. Times are the best of several rounds: everything else on the machine only ever adds.
 */

import { createRng } from '../../dist/base/rng.js';
import { Upstream } from '../../dist/control/upstream.js';
import { PoolPickers } from '../../dist/pick/pool-pickers.js';
import { HEALTH, simulatedBackend, simulatedUpstream } from '../../dist/sim/settings.js';

const ANY = { tried: null, hash: 0, repeatable: true, pinned: -1 };
const ROUNDS = 7;
/** Of what takes milliseconds: few enough that some are not interrupted. */
const LONG_ROUNDS = 60;
const PICKS = 20_000;
const WINDOW_REQUESTS = 25;

const count = Number(process.argv[2]);
let nowMs = 1_000;
const clock = { now: () => nowMs, wall: () => nowMs, at: () => ({ cancel: () => {} }) };

globalThis.gc?.();
const before = process.memoryUsage();
const settings = simulatedUpstream(
  Array.from({ length: count }, (_, n) => simulatedBackend(`b${n}`)),
  { health: { ...HEALTH, initialState: 'up' } },
);
const upstream = new Upstream({
  settings,
  clock,
  rng: createRng('scale'),
  probe: null,
  onTransition: () => {},
  onFault: (error) => {
    throw error;
  },
});
upstream.start();
for (let n = 0; n < count; n++) succeed();
globalThis.gc?.();
const after = process.memoryUsage();
const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;

let flips = 0;
const settleMs = best(
  1,
  () => {
    flips += 1;
    upstream.setIntent('b0', flips % 2 === 1 ? 'draining' : 'enabled', 'scale');
  },
  LONG_ROUNDS,
);
const changeMs = best(
  1,
  () => {
    flips += 1;
    upstream.setIntent('b0', flips % 2 === 1 ? 'draining' : 'enabled', 'scale');
    return upstream.snapshot;
  },
  LONG_ROUNDS,
);
upstream.setIntent('b0', 'enabled', 'scale');
const pickers = new PoolPickers(settings, upstream.routed.ledger, createRng('pick'));
const picker = pickers.build(upstream.snapshot);
const pickMs = best(PICKS, () => picker.pick(ANY));
const outcomeMs = best(PICKS, succeed);
// Everybody has enough requests in the window to be compared.
for (let n = 0; n < count * WINDOW_REQUESTS; n++) succeed();
const reviewMs = best(1, () => {
  nowMs += 1_001;
  succeed();
});

const figures = {
  settleMs,
  snapshotMs: Math.max(0, changeMs - settleMs),
  pickNs: pickMs * 1e6,
  outcomeNs: outcomeMs * 1e6,
  reviewMs,
  kibPerBackend: bytes / 1_024 / count,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);

function succeed() {
  upstream.acquire(ANY)?.end('ok', 3, '');
}

/** Milliseconds per call, of so many calls in a row. @param {number} calls @param {() => unknown} call @param {number} [rounds] */
function best(calls, call, rounds = ROUNDS) {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const startedMs = performance.now();
    for (let n = 0; n < calls; n++) call();
    least = Math.min(least, (performance.now() - startedMs) / calls);
  }
  return least;
}
