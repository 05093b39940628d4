import { describe, expect, it } from 'vitest';
import { MassFailure } from '../../../src/health/mass-failure.ts';

const INTERVAL_MS = 5_000;
const NEVER = Number.NEGATIVE_INFINITY;

/** A detector that has looked at so many backends, failing since then, at 10 s. */
function look(failingSinceMs: readonly number[], eligible: number): MassFailure {
  const detector = new MassFailure(INTERVAL_MS);
  detector.update({ failingSinceMs, eligible, lastGoodNewsMs: NEVER }, 10_000);
  return detector;
}

describe('mass failure', () => {
  it.each([
    [2, 2, true],
    [2, 3, true],
    [2, 4, false],
    [3, 4, true],
    [5, 10, false],
    [6, 10, true],
    [549, 1_000, false],
    [550, 1_000, true],
  ])('of %d out of %d at once is suspected: %s', (failing, eligible, suspected) => {
    expect(look(new Array(failing).fill(9_000), eligible).suspicion !== null).toBe(suspected);
  });

  it('is never seen in a single backend, though that is the whole pool', () => {
    expect(look([9_000], 1).suspicion).toBeNull();
  });

  it('is not seen in failures further apart than an interval', () => {
    expect(look([5_000, 9_000, 10_000], 4).suspicion).toBeNull();
    expect(look([5_001, 9_000, 10_000], 4).suspicion).toEqual({ sinceMs: 10_000, failing: 3, eligible: 4 });
  });

  it('holds those that failed within the interval, and those that follow', () => {
    const detector = look([4_000, 8_000, 9_000, 10_000], 5);
    expect(detector.holds(4_000)).toBe(false);
    expect(detector.holds(8_000)).toBe(true);
    expect(detector.holds(12_000)).toBe(true);
  });

  it('ends when fewer fail', () => {
    const detector = look([9_000, 9_000], 3);
    detector.update({ failingSinceMs: [9_000], eligible: 3, lastGoodNewsMs: NEVER }, 10_100);
    expect(detector.suspicion).toBeNull();
    expect(detector.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  it('stands for an interval, and then until good news has come since it began', () => {
    const detector = look([9_000, 9_000], 3);
    const pool = { failingSinceMs: [9_000, 9_000], eligible: 3 };
    detector.update({ ...pool, lastGoodNewsMs: 12_000 }, 14_999);
    expect(detector.suspicion).not.toBeNull();
    expect(detector.deadline).toBe(15_000);
    detector.update({ ...pool, lastGoodNewsMs: 10_000 }, 15_000);
    expect(detector.suspicion).not.toBeNull();
    expect(detector.deadline).toBe(20_000);
    detector.update({ ...pool, lastGoodNewsMs: 16_000 }, 20_000);
    expect(detector.suspicion).toBeNull();
  });

  it('gives the others an interval to follow the first who recovers, where all had failed', () => {
    const detector = look([9_000, 9_000, 9_000], 3);
    const suspicion = detector.suspicion;
    const pool = { eligible: 3, lastGoodNewsMs: 17_000 };
    expect(detector.update({ ...pool, failingSinceMs: [9_000, 9_000] }, 17_000)).toBeNull();
    expect(detector.deadline).toBe(22_000);
    expect(detector.update({ ...pool, failingSinceMs: [9_000] }, 21_999)).toBeNull();
    expect(detector.holds(9_000)).toBe(true);
    expect(detector.update({ ...pool, failingSinceMs: [9_000] }, 22_000)).toBe(suspicion);
    expect(detector.suspicion).toBeNull();
  });
});
