/**
 * Seeded randomness. Every random choice takes an `Rng`, so that production, simulation and replay can repeat it.
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, far beyond what balancing needs. Not for secrets.
 */

export interface Rng {
  /** A float in [0, 1). */
  next(): number;
  /** An integer in [0, bound); `bound` must be at least 1. */
  below(bound: number): number;
  /** An independent generator whose stream depends on this one's seed and `label` only, not on how much was drawn. */
  fork(label: string): Rng;
}

/** The same seed always yields the same stream. */
export function createRng(seed: string): Rng {
  const state = hash128(seed);
  let [a, b, c, d] = state;
  function uint32(): number {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  }
  for (let i = 0; i < 12; i++) uint32();
  return {
    next: () => uint32() / 4294967296,
    below: (bound) => Math.floor((uint32() / 4294967296) * bound),
    fork: (label) => createRng(`${seed}/${label}`),
  };
}

/** Four 32-bit words from a string: FNV-1a from four offsets, each finished with murmur3's final mix. */
function hash128(text: string): [number, number, number, number] {
  const words: [number, number, number, number] = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    for (let w = 0; w < 4; w++) words[w] = Math.imul((words[w] as number) ^ code, 0x01000193);
  }
  for (let w = 0; w < 4; w++) {
    let h = words[w] as number;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    words[w] = (h ^ (h >>> 16)) | 0;
  }
  return words;
}
