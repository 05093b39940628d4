import { describe, expect, it } from 'vitest';
import { ejectionLengthMs } from '../../../src/health/ejection.ts';
import { OUTLIERS } from '../../../src/sim/settings.ts';

describe('ejectionLengthMs', () => {
  it('doubles from the first length up to the longest', () => {
    const settings = { ...OUTLIERS, ejectionMs: 10_000, ejectionMaxMs: 60_000 };
    expect([1, 2, 3, 4, 5, 60].map((n) => ejectionLengthMs(n, settings) / 1_000)).toEqual([10, 20, 40, 60, 60, 60]);
  });

  it('never exceeds the longest, even with a longer first', () => {
    expect(ejectionLengthMs(1, { ...OUTLIERS, ejectionMs: 10_000, ejectionMaxMs: 5_000 })).toBe(5_000);
  });
});
