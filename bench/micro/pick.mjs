/**
 * Nanoseconds per pick, by policy and pool size: the price of choosing must not grow with the pool. Besides, what priorities and
 * sessions add, and what the tables of hash policies cost when the set of backends changes.
 */

import { createRng } from '../../dist/base/rng.js';
import { buildPicker } from '../../dist/pick/build.js';
import { buildMaglev } from '../../dist/pick/maglev.js';
import { PoolPickers } from '../../dist/pick/pool-pickers.js';
import { buildRing } from '../../dist/pick/ring-hash.js';
import { Sequence } from '../../dist/pick/sequence.js';
import { Ledger } from '../../dist/pool/ledger.js';
import { measure } from './measure.mjs';

const POLICIES = [
  'round_robin',
  'weighted_round_robin',
  'least_request',
  'peak_ewma',
  'prequal',
  'random',
  'ring_hash',
  'maglev',
  'first',
];
const SIZES = [4, 10, 1_000, 10_000];
const ANY = { tried: null, hash: 0, repeatable: true, pinned: -1 };
/** Keys of hash policies, so that picks go all over their tables. */
const REQUESTS = Array.from({ length: 4_096 }, (_, n) => ({ ...ANY, hash: Math.imul(n, 0x9e3779b1) }));
const BUILDS = 12;

export async function run() {
  return [
    ...POLICIES.flatMap((policy) =>
      SIZES.map((size) => measurePicks(`${policy}, ${size} backends`, createPicker(policy, size))),
    ),
    measurePicks('least_request, 1000 backends in 3 priorities and 2 zones', createPoolPicker(1_000, false)),
    measurePicks('least_request, 1000 backends, sessions of all', createPoolPicker(1_000, true), (n) => n % 1_000),
    measureBuild('ring_hash, table of 1000 backends', () => buildRing(seatsOf(1_000), { size: 1_000, heaviest: 5 })),
    measureBuild('maglev, table of 1000 backends', () => buildMaglev(seatsOf(1_000), { size: 1_000, heaviest: 5 })),
  ];
}

function measurePicks(name, picker, pinnedOf = () => -1) {
  const requests = REQUESTS.map((request, n) => ({ ...request, pinned: pinnedOf(n) }));
  let n = 0;
  return measure(name, () => picker.pick(requests[n++ & 4_095]));
}

/** The best of several. */
function measureBuild(name, build) {
  let best = Number.POSITIVE_INFINITY;
  for (let n = 0; n < BUILDS; n++) {
    const begin = process.hrtime.bigint();
    build();
    best = Math.min(best, Number(process.hrtime.bigint() - begin));
  }
  return { name, ns: best };
}

/** Weights from 1 to 5, so that no policy may take the short cut of equal ones. */
function candidatesOf(loads, size) {
  return Array.from({ length: size }, (_, index) => ({
    backend: { id: `10.0.${index >> 8}.${index & 255}:8080`, slot: loads.allocate() },
    weight: 1 + (index % 5),
    baseWeight: 1 + (index % 5),
    loadFactor: 1,
    trial: false,
    epoch: 1,
  }));
}

function createPicker(policy, size) {
  const loads = new Ledger(256);
  const tools = { loads, rng: createRng('bench'), sequence: new Sequence(0), trialSequence: new Sequence(0) };
  return buildPicker(policy, candidatesOf(loads, size), tools);
}

function createPoolPicker(size, isSticky) {
  const loads = new Ledger(256);
  const candidates = candidatesOf(loads, size);
  const shares = isSticky ? [1] : [0.4, 0.2, 0.2, 0.1, 0.1, 0];
  const groups = shares.map((share, group) => ({
    priority: group >> 1,
    zone: ['local', 'remote'][group & 1],
    share,
    candidates: candidates.filter((_, index) => index % shares.length === group),
  }));
  const sticky = isSticky ? { cookie: 'pulsegate', ttlMs: 1, secret: null } : null;
  return new PoolPickers({ balance: 'least_request', sticky }, loads, createRng('bench')).build({
    candidates,
    groups,
    entries: candidates,
    pinnedOnly: [],
  });
}

function seatsOf(size) {
  return candidatesOf(new Ledger(256), size).map(({ backend, weight }) => ({ id: backend.id, weight }));
}
