import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../../src/control/retry-after.ts';

const WALL_MS = Date.UTC(2026, 10, 21, 7, 0, 0);

describe('retry-after', () => {
  it.each([
    ['0', 0],
    ['3', 3_000],
    ['300', 300_000],
    ['301', 300_000],
    ['9999999999', 300_000],
    ['Sat, 21 Nov 2026 07:00:07 GMT', 7_000],
    ['Saturday, 21-Nov-26 07:00:07 GMT', 7_000],
    ['Sat, 21 Nov 2026 08:00:00 GMT', 300_000],
    ['Sat, 21 Nov 2026 06:59:59 GMT', 0],
  ])('%s is %d ms', (value, expected) => {
    expect(parseRetryAfter(value, WALL_MS)).toBe(expected);
  });

  it.each(['', 'soon', '-1', '+1', '1.5', '1e3', '0x10', '3 ', 'Sat, never', '2030-01-01'])(
    'says nothing as "%s"',
    (value) => {
      expect(parseRetryAfter(value, WALL_MS)).toBe(0);
    },
  );
});
