/**
 * Draws an index at random, in proportion to weights, in constant time: Vose's alias method. Equal weights need no table.
 * Source: Vose, "A linear algorithm for generating random numbers with a given distribution", 1991.
 */

import type { Rng } from '../base/rng.ts';

interface AliasTable {
  /** The chance to stay with the column that was drawn. */
  readonly keep: Float64Array;
  /** Where else to go. */
  readonly alias: Uint32Array;
}

export class WeightedDraw {
  private readonly count: number;
  private readonly table: AliasTable | null;

  /** @param weights all > 0, at least one */
  constructor(weights: ArrayLike<number>) {
    this.count = weights.length;
    this.table = areEqual(weights) ? null : buildTable(weights);
  }

  /** 0 to the number of weights - 1. */
  draw(rng: Rng): number {
    const point = rng.next() * this.count;
    const column = Math.floor(point);
    const { table } = this;
    if (table === null || point - column < (table.keep[column] as number)) return column;
    return table.alias[column] as number;
  }
}

function areEqual(weights: ArrayLike<number>): boolean {
  for (let index = 1; index < weights.length; index++) if (weights[index] !== weights[0]) return false;
  return true;
}

function buildTable(weights: ArrayLike<number>): AliasTable {
  const count = weights.length;
  let sum = 0;
  for (let index = 0; index < count; index++) sum += weights[index] as number;
  const keep = new Float64Array(count);
  for (let index = 0; index < count; index++) keep[index] = ((weights[index] as number) * count) / sum;
  const alias = new Uint32Array(count);
  const poor: number[] = [];
  const rich: number[] = [];
  keep.forEach((share, index) => {
    (share < 1 ? poor : rich).push(index);
  });
  while (poor.length > 0 && rich.length > 0) {
    const taker = poor.pop() as number;
    const giver = rich.pop() as number;
    alias[taker] = giver;
    keep[giver] = (keep[giver] as number) + (keep[taker] as number) - 1;
    ((keep[giver] as number) < 1 ? poor : rich).push(giver);
  }
  // What rounding has left over keeps its own column.
  for (const index of [...poor, ...rich]) keep[index] = 1;
  return { keep, alias };
}
