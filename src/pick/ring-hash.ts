/**
 * A hash ring: every backend has points on it by its weight, and a key belongs to the next point after its hash. When a backend
 * leaves, its keys alone move; when one joins, it takes its share and nothing else moves.
 * Source: Karger et al., "Consistent hashing and random trees", 1997.
 *
 * A backend's share of keys varies by about 1 / sqrt(points): 3 % with 1,024 points, 9 % with 128. Points are sorted into buckets
 * by their first bits, which finds the place of a key in one or two steps and builds the ring in linear time.
 */

import { hashString, mix32 } from '../base/hash.ts';
import type { HashCircle, PoolScale, Seat } from './hash-circle.ts';

const MAX_POINTS_PER_BACKEND = 1_024;
const MIN_POINTS_PER_BACKEND = 32;
/** Aimed at: built in a few milliseconds. */
const USUAL_POINTS = 2 ** 17;
const MAX_POINTS = 2 ** 20;
/** Seeds of the two independent hashes that a backend's points are made from. */
const ORIGIN_SEED = 0x5bd1e995;
const STRIDE_SEED = 0x27d4eb2f;

/** Points of the heaviest backend: a power of two, so that a pool that grows a little moves no key by changing its scale. */
export function pointsPerBackend(poolSize: number): number {
  let points = MAX_POINTS_PER_BACKEND;
  while (points > MIN_POINTS_PER_BACKEND && points * poolSize > USUAL_POINTS) points /= 2;
  while (points > 1 && points * poolSize > MAX_POINTS) points /= 2;
  return points;
}

export function buildRing(seats: readonly Seat[], { size, heaviest }: PoolScale): HashCircle {
  const most = pointsPerBackend(size);
  const counts = seats.map(({ weight }) => Math.max(1, Math.round((most * weight) / heaviest)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const made = { points: new Uint32Array(total), owners: new Uint32Array(total) };
  // Where two points fall together, the order of ids decides: the same everywhere.
  const order = seats.map((_, index) => index).sort((a, b) => ((seats[a] as Seat).id < (seats[b] as Seat).id ? -1 : 1));
  let end = 0;
  for (const index of order) {
    const { id } = seats[index] as Seat;
    const stride = hashString(id, STRIDE_SEED) | 1;
    let point = hashString(id, ORIGIN_SEED);
    for (let n = counts[index] as number; n > 0; n--) {
      point = (point + stride) | 0;
      made.points[end] = mix32(point);
      made.owners[end] = index;
      end += 1;
    }
  }
  return new Ring(made.points, made.owners);
}

/** Points in ascending order, found by their first bits. */
class Ring implements HashCircle {
  readonly owners: Uint32Array;
  private readonly points: Uint32Array;
  private readonly shift: number;
  /** By bucket: the place behind its last. */
  private readonly ends: Uint32Array;

  /** Sorts into buckets of about one point each, and by insertion within; equal points keep their order. */
  constructor(unsorted: Uint32Array, unsortedOwners: Uint32Array) {
    const total = unsorted.length;
    const bits = Math.max(1, Math.ceil(Math.log2(total)));
    const shift = 32 - bits;
    const points = new Uint32Array(total);
    const owners = new Uint32Array(total);
    const ends = new Uint32Array(2 ** bits);
    for (let n = 0; n < total; n++) {
      const bucket = (unsorted[n] as number) >>> shift;
      ends[bucket] = (ends[bucket] as number) + 1;
    }
    let begin = 0;
    for (let bucket = 0; bucket < ends.length; bucket++) {
      const count = ends[bucket] as number;
      ends[bucket] = begin;
      begin += count;
    }
    // From here on a bucket ends where its next point goes.
    for (let n = 0; n < total; n++) {
      const point = unsorted[n] as number;
      const bucket = point >>> shift;
      let place = ends[bucket] as number;
      ends[bucket] = place + 1;
      // What stands in other buckets is smaller, so this stops at the bucket's own begin.
      for (; place > 0 && (points[place - 1] as number) > point; place--) {
        points[place] = points[place - 1] as number;
        owners[place] = owners[place - 1] as number;
      }
      points[place] = point;
      owners[place] = unsortedOwners[n] as number;
    }
    this.owners = owners;
    this.points = points;
    this.shift = shift;
    this.ends = ends;
  }

  placeOf(hash: number): number {
    const { points, ends } = this;
    const key = hash >>> 0;
    const bucket = key >>> this.shift;
    const end = ends[bucket] as number;
    let place = bucket === 0 ? 0 : (ends[bucket - 1] as number);
    while (place < end && (points[place] as number) < key) place += 1;
    return place === points.length ? 0 : place;
  }
}
