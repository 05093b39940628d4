import { expect, it } from 'vitest';
import { Grace } from '../../../src/proxy/grace.ts';

it('is over as long as nobody stood still', () => {
  const grace = new Grace();
  expect([100, 200, 500].map((nowMs) => grace.isOver(nowMs, 20))).toEqual([true, true, true]);
  expect(grace.isOver(700, 200)).toBe(true);
});

it('gives the time that was lost, up to a second', () => {
  const short = new Grace();
  expect([1_000, 1_100, 1_299, 1_300].map((nowMs) => short.isOver(nowMs, nowMs === 1_000 ? 300 : 0))).toEqual([
    false,
    false,
    false,
    true,
  ]);
  const long = new Grace();
  expect([1_000, 1_999, 2_000].map((nowMs) => long.isOver(nowMs, nowMs === 1_000 ? 60_000 : 0))).toEqual([
    false,
    false,
    true,
  ]);
});

it('is not renewed before deadlines have counted once, however late we are', () => {
  const grace = new Grace();
  const seen = Array.from({ length: 6 }, (_, index) => grace.isOver(1_000 + 400 * index, 400));
  expect(seen).toEqual([false, true, false, true, false, true]);
});
