import { describe, expect, it } from 'vitest';
import { Awareness } from '../../../src/health/awareness.ts';

function observe(awareness: Awareness, latenessMs: number, times = 1): void {
  for (let n = 0; n < times; n++) awareness.observe(latenessMs);
}

describe('self-awareness', () => {
  it('trusts itself while timers come in time', () => {
    const awareness = new Awareness();
    observe(awareness, 99, 1_000);
    expect(awareness.score).toBe(0);
    expect(awareness.stretch).toBe(1);
  });

  it.each([
    [100, 1],
    [199, 1],
    [200, 2],
    [1_500, 4],
    [60_000, 7],
  ])('loses trust the more, the later a timer comes: %d ms is worth %d', (latenessMs, score) => {
    const awareness = new Awareness();
    observe(awareness, latenessMs);
    expect(awareness.score).toBe(score);
    expect(awareness.stretch).toBe(score + 1);
  });

  it('stays within 0 and 7', () => {
    const awareness = new Awareness();
    observe(awareness, 1e9, 20);
    expect(awareness.score).toBe(7);
    observe(awareness, 0, 1_000);
    expect(awareness.score).toBe(0);
  });

  it('takes one point back for ten timers in time in a row, and not for nine', () => {
    const awareness = new Awareness();
    observe(awareness, 400);
    observe(awareness, 0, 9);
    expect(awareness.score).toBe(3);
    observe(awareness, 0);
    expect(awareness.score).toBe(2);
    observe(awareness, 0, 9);
    observe(awareness, 100);
    observe(awareness, 0, 9);
    expect(awareness.score).toBe(3);
  });
});
