import { describe, expect, it } from 'vitest';
import {
  formatAge,
  formatCount,
  formatMs,
  formatPercent,
  formatTotal,
  formatWeight,
} from '../../../src/dashboard/format.ts';

describe('numbers are written', () => {
  it.each([
    [
      formatCount,
      [0, 0.42, 9.94, 9.96, 420, 9_999, 10_000, 3_400_000, Number.NaN],
      '0 0.4 9.9 10 420 9999 10.0k 3.4M –',
    ],
    [formatMs, [0, 0.4, 9.96, 420, 999.6, 12_345, Number.NaN], '0 0.4 10 420 1.0 s 12.3 s –'],
    [formatPercent, [0, 0.004, 0.0996, 0.5, 1, Number.NaN], '0 % 0.4 % 10 % 50 % 100 % –'],
    [formatTotal, [0, 5, 9_999, 12_345], '0 5 9999 12.3k'],
    [formatWeight, [0, 1.234, 99.4, 250], '0.00 1.23 99.40 250'],
    [formatAge, [-5, 999, 59_999, 60_000, 3_599_999, 7_200_000, 200_000_000], '0 s 0 s 59 s 1 min 59 min 2 h 2 d'],
  ])('%o', (format, values, written) => {
    expect(values.map(format).join(' ')).toBe(written);
  });
});
