import { describe, expect, it } from 'vitest';
import { StallWatch, UNWATCHED } from '../../../src/control/stall-watch.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';

function createWatch() {
  const clock = new VirtualClock();
  const stalls: number[] = [];
  const watch = new StallWatch(clock, (stalledMs) => stalls.push(stalledMs));
  watch.start();
  return { clock, watch, stalls };
}

describe('StallWatch', () => {
  it('sees nothing while we run', () => {
    const { clock, watch, stalls } = createWatch();
    clock.advanceTo(60_000);
    watch.check();
    expect(stalls).toEqual([]);
    expect(watch.awareness.score).toBe(0);
    expect(watch.stretch).toBe(1);
  });

  it('reports a stall by its length, and loses trust in us until we have run in time for a while', () => {
    const { clock, watch, stalls } = createWatch();
    clock.advanceTo(1_050);
    clock.standStill(2_000);
    clock.advanceTo(clock.now());
    expect(stalls).toEqual([1_950]);
    expect(watch.stretch).toBe(6);
    clock.advanceTo(20_000);
    expect(watch.stretch).toBe(1);
  });

  it('reports it to whoever asks before its own timer fires, and then not again', () => {
    const { clock, watch, stalls } = createWatch();
    clock.advanceTo(1_000);
    clock.standStill(800);
    watch.check();
    expect(stalls).toEqual([700]);
    watch.check();
    clock.advanceTo(5_000);
    expect(stalls).toEqual([700]);
  });

  it('notices every stall, also one right after another', () => {
    const { clock, watch, stalls } = createWatch();
    clock.standStill(1_100);
    watch.check();
    clock.standStill(1_000);
    watch.check();
    clock.advanceTo(clock.now());
    clock.standStill(1_100);
    clock.advanceTo(clock.now());
    expect(stalls).toEqual([1_000, 1_000, 1_000]);
  });

  it('takes a pause that no timeout would notice for what it is', () => {
    const { clock, watch, stalls } = createWatch();
    clock.standStill(299);
    clock.advanceTo(clock.now());
    expect(stalls).toEqual([]);
    expect(watch.awareness.score).toBeGreaterThan(0);
  });

  it('says nothing before it is started or after it is stopped', () => {
    const { clock, watch, stalls } = createWatch();
    watch.stop();
    clock.standStill(10_000);
    watch.check();
    clock.advanceTo(30_000);
    const idle = new StallWatch(clock, () => stalls.push(-1));
    clock.standStill(10_000);
    idle.check();
    expect(stalls).toEqual([]);
  });
});

describe('without a watch', () => {
  it('we always run', () => {
    UNWATCHED.check();
    expect(UNWATCHED.stretch).toBe(1);
  });
});
