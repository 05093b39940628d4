/**
 * A 32-bit hash of strings for placing and spreading: fast, well mixed, the same in every process and on every machine. Not for
 * secrets, and not against people who choose their keys.
 * Source: Austin Appleby, MurmurHash3_x86_32 (public domain), over the string's UTF-16 code units in little-endian order.
 */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/** @param seed any 32-bit integer; another seed gives an independent hash; @returns 0 to 2^32 - 1 */
export function hashString(text: string, seed = 0): number {
  const { length } = text;
  let h = seed | 0;
  let index = 0;
  for (; index + 1 < length; index += 2) {
    h ^= scramble(text.charCodeAt(index) | (text.charCodeAt(index + 1) << 16));
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (index < length) h ^= scramble(text.charCodeAt(index));
  return mix32(h ^ (length * 2));
}

/** Spreads every bit of an integer over all 32, one to one: the finaliser of the same hash. */
export function mix32(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const k = Math.imul(block, C1);
  return Math.imul((k << 15) | (k >>> 17), C2);
}
