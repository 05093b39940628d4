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
  constructor(weights: readonly number[]) {
    this.count = weights.length;
    this.table = weights.every((weight) => weight === weights[0]) ? null : buildTable(weights);
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

function buildTable(weights: readonly number[]): AliasTable {
  const count = weights.length;
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const keep = Float64Array.from(weights, (weight) => (weight * count) / sum);
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
