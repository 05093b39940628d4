/** A counter that outlives the pickers that draw from it, so that a rebuilt picker goes on where the last one stood. */

export class Sequence {
  private value: number;

  /** @param start 0 to 2^32 - 1; a seeded one keeps a fleet of proxies from starting with the same backend */
  constructor(start: number) {
    this.value = start >>> 0;
  }

  /** The next integer, 0 to 2^32 - 1, wrapping around. */
  next(): number {
    const value = this.value;
    this.value = (value + 1) >>> 0;
    return value;
  }
}
