/**
 * Numbers from 0 to 1 that look random and are the same in every run: xorshift32 (Marsaglia 2003, "Xorshift RNGs").
 * @param {number} seed @returns {() => number}
 */
export function createDice(seed) {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
