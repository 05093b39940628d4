import { expect, it } from 'vitest';
import { memoryUse, oldSpaceLimit } from '../../../src/platform/memory.ts';

const MIB = 2 ** 20;

it.each([
  ['--max-old-space-size=100', 100 * MIB],
  ['--max_old_space_size=100 --inspect', 100 * MIB],
  ['--max-old-space-size 100', 100 * MIB],
  ['--max-old-space-size=100 --max-old-space-size=200', 200 * MIB],
])('the heap may grow to what Node.js was told: %s', (flags, bytes) => {
  expect(oldSpaceLimit(flags)).toBe(bytes);
});

it('the heap may grow to what V8 says, without such a flag', () => {
  expect(oldSpaceLimit('--max-old-space-size-percentage=50 --max-semi-space-size=1')).toBeGreaterThan(32 * MIB);
});

it('some memory is in use, and more where the rest is shared by several processes', () => {
  const alone = memoryUse(1);
  expect(alone).toBeGreaterThan(0);
  expect(alone).toBeLessThan(0.9);
  expect(memoryUse(1_000_000)).toBeGreaterThan(1);
});
