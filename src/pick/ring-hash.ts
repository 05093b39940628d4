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
  const buckets = new Buckets(total);
  // Where two points fall together, the order of ids decides: the same everywhere.
  const order = seats.map((_, index) => index).sort((a, b) => ((seats[a] as Seat).id < (seats[b] as Seat).id ? -1 : 1));
  for (const pass of ['count', 'place'] as const) {
    for (const index of order) {
      const { id } = seats[index] as Seat;
      const stride = hashString(id, STRIDE_SEED) | 1;
      let point = hashString(id, ORIGIN_SEED);
      for (let n = counts[index] as number; n > 0; n--) {
        point = (point + stride) | 0;
        if (pass === 'count') buckets.count(mix32(point));
        else buckets.place(mix32(point), index);
      }
    }
    if (pass === 'count') buckets.sum();
  }
  return buckets;
}

/** Points in ascending order, found by their first bits. */
class Buckets implements HashCircle {
  readonly owners: Uint32Array;
  private readonly points: Uint32Array;
  private readonly shift: number;
  /** By bucket: the first of its places; one more at the end. */
  private readonly starts: Uint32Array;
  /** By bucket: places taken so far. */
  private readonly taken: Uint32Array;

  constructor(total: number) {
    const bits = Math.max(1, Math.ceil(Math.log2(total)));
    this.shift = 32 - bits;
    this.starts = new Uint32Array(2 ** bits + 1);
    this.taken = new Uint32Array(2 ** bits);
    this.points = new Uint32Array(total);
    this.owners = new Uint32Array(total);
  }

  placeOf(hash: number): number {
    const { points, starts } = this;
    const key = hash >>> 0;
    const bucket = key >>> this.shift;
    const end = starts[bucket + 1] as number;
    let place = starts[bucket] as number;
    while (place < end && (points[place] as number) < key) place += 1;
    return place === points.length ? 0 : place;
  }

  count(point: number): void {
    const next = (point >>> this.shift) + 1;
    this.starts[next] = (this.starts[next] as number) + 1;
  }

  sum(): void {
    const { starts } = this;
    for (let bucket = 1; bucket < starts.length; bucket++) {
      starts[bucket] = (starts[bucket] as number) + (starts[bucket - 1] as number);
    }
  }

  /** Into its bucket, behind all that are not greater. */
  place(point: number, owner: number): void {
    const { points, owners, starts, taken } = this;
    const bucket = point >>> this.shift;
    const start = starts[bucket] as number;
    let place = start + (taken[bucket] as number);
    taken[bucket] = (taken[bucket] as number) + 1;
    for (; place > start && (points[place - 1] as number) > point; place--) {
      points[place] = points[place - 1] as number;
      owners[place] = owners[place - 1] as number;
    }
    points[place] = point;
    owners[place] = owner;
  }
}
