/**
 * A Maglev table: every backend has its own order of all places, and in turns each takes the first that is still free. A key looks
 * up its place in one step, and shares are exact to a place. When a backend leaves, its keys move, and a few more do.
 * Source: Eisenbud et al., "Maglev: a fast and reliable software network load balancer", 2016, section 3.4; weights by quotas.
 */

import { hashString } from '../base/hash.ts';
import type { HashCircle, PoolScale, Seat } from './hash-circle.ts';

/** Primes, so that every skip visits every place. */
const USUAL_SIZE = 65_537;
const LARGE_SIZE = 655_373;
/** Places that a backend has on average, at least, in the usual table. */
const PLACES_PER_BACKEND = 16;
/** Turns times backends: bounds the building of tables with very uneven weights. */
const MAX_TURNS = 2 ** 20;
const OFFSET_SEED = 0x3c6ef372;
const SKIP_SEED = 0x1f83d9ab;

export function tableSize(poolSize: number): number {
  return poolSize * PLACES_PER_BACKEND > USUAL_SIZE ? LARGE_SIZE : USUAL_SIZE;
}

export function buildMaglev(seats: readonly Seat[], scale: PoolScale): HashCircle {
  const size = tableSize(scale.size);
  const order = seats.map((_, index) => index).sort((a, b) => ((seats[a] as Seat).id < (seats[b] as Seat).id ? -1 : 1));
  const quotas = quotasOf(
    order.map((index) => (seats[index] as Seat).weight),
    size,
  );
  const places = Uint32Array.from(order, (index) => hashString((seats[index] as Seat).id, OFFSET_SEED) % size);
  const skips = Uint32Array.from(order, (index) => (hashString((seats[index] as Seat).id, SKIP_SEED) % (size - 1)) + 1);
  const owners = seats.length < 2 ** 16 ? new Uint16Array(size) : new Uint32Array(size);
  const isTaken = new Uint8Array(size);
  const most = quotas.reduce((max, quota) => Math.max(max, quota), 1);
  const turns = Math.max(1, Math.min(most, Math.floor(MAX_TURNS / seats.length)));
  for (let turn = 1; turn <= turns; turn++) {
    for (let seat = 0; seat < order.length; seat++) {
      const quota = quotas[seat] as number;
      let due = Math.floor((quota * turn) / turns) - Math.floor((quota * (turn - 1)) / turns);
      let place = places[seat] as number;
      const skip = skips[seat] as number;
      for (; due > 0; due--) {
        while (isTaken[place] === 1) place = place + skip < size ? place + skip : place + skip - size;
        isTaken[place] = 1;
        owners[place] = order[seat] as number;
      }
      places[seat] = place;
    }
  }
  return { owners, placeOf: (hash) => (hash >>> 0) % size };
}

/** Whole places in proportion to `weights`, at least one each, `size` in all: largest remainders first. */
function quotasOf(weights: readonly number[], size: number): Uint32Array {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const spare = size - weights.length;
  const exact = weights.map((weight) => (weight / sum) * spare);
  const quotas = Uint32Array.from(exact, (share) => 1 + Math.floor(share));
  let left = size - quotas.reduce((total, quota) => total + quota, 0);
  const byRemainder = exact.map((share, index) => ({ remainder: share % 1, index }));
  byRemainder.sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of byRemainder) {
    if (left-- <= 0) break;
    quotas[index] = (quotas[index] as number) + 1;
  }
  return quotas;
}
