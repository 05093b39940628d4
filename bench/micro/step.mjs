/** Nanoseconds per outcome: a lease taken and ended in success, and a success or failure that the engine must judge. */

import { createRng } from '../../dist/base/rng.js';
import { Upstream } from '../../dist/control/upstream.js';
import { systemClock } from '../../dist/platform/clock.js';
import { HEALTH, simulatedBackend, simulatedUpstream } from '../../dist/sim/settings.js';
import { measure } from './measure.mjs';

const ANY = { tried: null, hash: 0, repeatable: true };

export async function run() {
  return [4, 1_000].flatMap((size) => {
    const upstream = createUpstream(size);
    return [
      measure(`lease and success, ${size} backends`, () => upstream.acquire(ANY).end('ok', 3, '')),
      measure(`lease and client abort, ${size} backends`, () => upstream.acquire(ANY).end('client_abort', 3, '')),
    ];
  });
}

function createUpstream(size) {
  const backends = Array.from({ length: size }, (_, index) => simulatedBackend(`b${index}`));
  return new Upstream({
    settings: simulatedUpstream(backends, { health: { ...HEALTH, initialState: 'up' } }),
    clock: systemClock,
    rng: createRng('bench'),
    probe: null,
    onTransition: () => {},
    onFault: (error) => {
      throw error;
    },
  });
}
