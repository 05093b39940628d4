/**
 * What ring_hash and maglev have in common: places in a row that ends where it begins, each owned by one backend. A key has its
 * place; whoever owns it serves it, and who cannot leaves it to the owner of the next.
 *
 * A circle depends on ids, configured weights and the pool's scale alone. Every proxy builds the same one whatever the order of its
 * configuration, and neither health, load nor slow start moves a key that need not move. So circles are kept: backends come and go
 * between a few sets.
 */

import type { Candidate } from '../model/snapshot.ts';

export interface HashCircle {
  /** By place, the index of the backend that owns it, in the order that the circle was built from. */
  readonly owners: Uint16Array | Uint32Array;
  /** @param hash as a signed integer, which passes without being boxed; @returns the place that the key belongs to */
  placeOf(hash: number): number;
}

/** Somebody with a place on a circle. */
export interface Seat {
  readonly id: string;
  /** > 0 */
  readonly weight: number;
}

/** Of all backends, in service or not: what a circle is laid out for, so that nothing is laid out anew when one leaves service. */
export interface PoolScale {
  readonly size: number;
  /** The largest weight. */
  readonly heaviest: number;
}

/** @param seats at least one */
export type CircleBuilder = (seats: readonly Seat[], scale: PoolScale) => HashCircle;

/** The scale of a pool that these are all of. */
export function scaleOf(candidates: readonly Candidate[]): PoolScale {
  return {
    size: candidates.length,
    heaviest: candidates.reduce((max, { baseWeight }) => Math.max(max, baseWeight), 0),
  };
}

/** Sets of backends whose circles are remembered: a circle is up to a few megabytes. */
const REMEMBERED = 4;

interface Entry {
  readonly seats: readonly Seat[];
  readonly scale: PoolScale;
  readonly build: CircleBuilder;
  readonly circle: HashCircle;
}

export class CircleCache {
  /** How many were built, for tests and diagnosis. */
  built = 0;
  /** The one used last is first. */
  private entries: Entry[] = [];

  circleFor(candidates: readonly Candidate[], scale: PoolScale, build: CircleBuilder): HashCircle {
    const index = this.entries.findIndex((entry) => fits(entry, candidates, scale, build));
    const entry = index === -1 ? this.create(candidates, scale, build) : (this.entries[index] as Entry);
    this.entries = [entry, ...this.entries.filter((other) => other !== entry)].slice(0, REMEMBERED);
    return entry.circle;
  }

  private create(candidates: readonly Candidate[], scale: PoolScale, build: CircleBuilder): Entry {
    this.built += 1;
    const seats = candidates.map(({ backend, baseWeight }) => ({ id: backend.id, weight: baseWeight }));
    return { seats, scale, build, circle: build(seats, scale) };
  }
}

function fits({ seats, ...entry }: Entry, candidates: readonly Candidate[], scale: PoolScale, build: CircleBuilder) {
  if (entry.build !== build || seats.length !== candidates.length) return false;
  if (entry.scale.size !== scale.size || entry.scale.heaviest !== scale.heaviest) return false;
  return candidates.every(({ backend, baseWeight }, index) => {
    const seat = seats[index] as Seat;
    return seat.id === backend.id && seat.weight === baseWeight;
  });
}
