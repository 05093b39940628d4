import { describe, expect, it } from 'vitest';
import { type Clock, formatDuration, wallTimeOf } from '../../../src/base/time.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [850, '850 ms'],
    [1_000, '1 s'],
    [1_249, '1.2 s'],
    [30_000, '30 s'],
    [300_000, '5 min'],
    [7_200_000, '2 h'],
    [5_400_000, '1.5 h'],
    [999.6, '1 s'],
    [59_960, '1 min'],
    [3_599_900, '1 h'],
  ])('writes %i ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('wallTimeOf', () => {
  it('gives the wall-clock time of an instant in the past', () => {
    const clock = new VirtualClock();
    clock.advanceTo(90_000);
    expect(wallTimeOf(clock, 1_500)).toBe('2026-01-01T00:00:01.500Z');
  });
});

describe('the wall-clock time of an instant', () => {
  const clockOf = (state: { nowMs: number; wallMs: number }): Clock => ({
    now: () => state.nowMs,
    wall: () => Math.floor(state.wallMs),
    at: () => ({ cancel() {} }),
  });

  it('is the same whenever it is asked for, although the wall clock tells whole milliseconds only', () => {
    const state = { nowMs: 1_000.25, wallMs: 1_700_000_000_000.25 };
    const clock = clockOf(state);
    const first = wallTimeOf(clock, 500);
    for (let i = 0; i < 50; i++) {
      state.nowMs += 33.37;
      state.wallMs += 33.37;
      expect(wallTimeOf(clock, 500)).toBe(first);
    }
  });

  it('follows a wall clock that was set', () => {
    const state = { nowMs: 1_000, wallMs: 1_700_000_000_000 };
    const clock = clockOf(state);
    const first = Date.parse(wallTimeOf(clock, 500));
    state.wallMs += 60_000;
    expect(Date.parse(wallTimeOf(clock, 500)) - first).toBe(60_000);
  });
});
