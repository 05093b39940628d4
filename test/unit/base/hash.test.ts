import { describe, expect, it } from 'vitest';
import { hashString, mix32 } from '../../../src/base/hash.ts';

/** A string whose UTF-16 code units, in little-endian order, are these bytes. */
function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf16le');
}

describe('hashString', () => {
  /** MurmurHash3_x86_32 of the reference implementation. */
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['\x21\x43\x65\x87', 0, 0xf55b516b],
    ['\x21\x43\x65\x87', 0x5082edee, 0x2362f9de],
    ['\x21\x43', 0, 0xa0f7b07a],
    ['\x00\x00\x00\x00', 0, 0x2362f9de],
    ['\x00\x00', 0, 0x30f4c306],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['aa', 0x9747b28c, 0x5d211726],
    ['abcd', 0x9747b28c, 0xf0478627],
    ['ab', 0x9747b28c, 0x74875592],
  ])('of the bytes %j with seed %i is as published', (bytes, seed, expected) => {
    const found = hashString(textOf(bytes), seed);

    expect(found).toBe(expected);
  });

  it('spreads keys that hardly differ evenly', () => {
    const buckets = new Array<number>(256).fill(0);
    for (let n = 0; n < 100_000; n++) {
      const bucket = hashString(`/items/${n}`) >>> 24;
      buckets[bucket] = (buckets[bucket] as number) + 1;
    }
    const expected = 100_000 / 256;
    const chiSquare = buckets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: 347 is exceeded once in ten thousand.
    expect(chiSquare).toBeLessThan(347);
  });

  it('tells strings apart by order, length, case and what is beyond Latin', () => {
    const texts = ['ab', 'ba', 'a', 'aa', 'aaa', 'A', '', '\0', '\0\0', 'ä', '中', '文', '中文'];
    expect(new Set(texts.map((text) => hashString(text))).size).toBe(texts.length);
  });

  it('is another hash with another seed', () => {
    const same = Array.from({ length: 1_000 }, (_, n) => `k${n}`).filter(
      (key) => hashString(key, 1) % 16 === hashString(key, 2) % 16,
    );
    expect(same.length).toBeLessThan(110);
    expect(same.length).toBeGreaterThan(30);
  });
});

describe('mix32', () => {
  it('maps one to one, and changes half of the bits with any one', () => {
    expect(new Set(Array.from({ length: 50_000 }, (_, n) => mix32(n))).size).toBe(50_000);
    let flipped = 0;
    for (let bit = 0; bit < 32; bit++) {
      for (let n = 0; n < 100; n++) {
        const value = mix32(n * 7_919);
        flipped += bitsOf(value ^ mix32((n * 7_919) ^ (1 << bit)));
      }
    }
    expect(flipped / 3_200).toBeGreaterThan(15);
    expect(flipped / 3_200).toBeLessThan(17);
  });
});

function bitsOf(value: number): number {
  let count = 0;
  for (let rest = value >>> 0; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
}
