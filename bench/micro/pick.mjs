/** Nanoseconds per pick, by policy and pool size: the price of choosing must not grow with the pool. */

import { createRng } from '../../dist/base/rng.js';
import { buildPicker } from '../../dist/pick/build.js';
import { Sequence } from '../../dist/pick/sequence.js';
import { Ledger } from '../../dist/pool/ledger.js';
import { measure } from './measure.mjs';

const POLICIES = ['round_robin', 'weighted_round_robin', 'least_request', 'random'];
const SIZES = [4, 10, 1_000, 10_000];
const ANY = { tried: null, hash: 0, repeatable: true };

export async function run() {
  return POLICIES.flatMap((policy) =>
    SIZES.map((size) => {
      const picker = createPicker(policy, size);
      return measure(`${policy}, ${size} backends`, () => picker.pick(ANY));
    }),
  );
}

/** Weights from 1 to 5, so that no policy may take the short cut of equal ones. */
function createPicker(policy, size) {
  const loads = new Ledger(256);
  const candidates = Array.from({ length: size }, (_, index) => ({
    backend: { slot: loads.allocate() },
    weight: 1 + (index % 5),
    baseWeight: 1 + (index % 5),
    trial: false,
    epoch: 1,
  }));
  const tools = { loads, rng: createRng('bench'), sequence: new Sequence(0), trialSequence: new Sequence(0) };
  return buildPicker(policy, candidates, tools);
}
