import { describe, expect, it } from 'vitest';
import type { PoolNotice } from '../../../src/control/pool-watch.ts';
import { HEALTH, PROBE } from '../../../src/sim/settings.ts';
import { createUpstream } from './fixtures.ts';

function createWatched(ids: readonly string[], health: Partial<typeof HEALTH> = {}) {
  const notices: PoolNotice[] = [];
  const made = createUpstream(
    ids,
    { health: { ...HEALTH, outliers: null, ...health } },
    { onNotice: (notice) => notices.push(notice) },
  );
  made.upstream.start();
  /** Refused connections need no grant: the status follows at once. */
  const refuse = (id: string) => {
    for (let n = 0; n < PROBE.fall; n++) {
      made.upstream.recordProbe(id, { ok: false, status: null, latencyMs: 1, detail: 'ECONNREFUSED', refused: true });
    }
  };
  return { ...made, notices, refuse };
}

describe('what is told of a pool', () => {
  it('is nothing while it starts, nor while enough of it serves', () => {
    const { clock, notices, refuse } = createWatched(['a', 'b', 'c', 'd']);
    clock.advanceTo(30_000);
    refuse('a');
    refuse('b');
    clock.advanceTo(30_200);
    expect(notices).toEqual([]);
  });

  it('is that panic begins and ends, without a request that looks', () => {
    const { clock, notices, refuse, probe, upstream } = createWatched(['a', 'b', 'c', 'd']);
    clock.advanceTo(30_000);
    for (const id of ['a', 'b', 'c']) {
      probe.failing.add(id);
      refuse(id);
    }
    clock.advanceTo(30_100);
    expect(upstream.snapshot.panic).toBe(true);
    expect(notices).toEqual([
      { kind: 'panic', message: '1 of 4 backends available (threshold 50 %), requests go to the least bad' },
    ]);
    probe.failing.clear();
    clock.advanceTo(60_000);
    expect(upstream.snapshot.panic).toBe(false);
    expect(notices.slice(1)).toEqual([
      { kind: 'panic_end', message: expect.stringMatching(/^2 of 4 backends available, after \d+(\.\d)? s$/) },
    ]);
  });

  it('is that requests are refused, where panic does that', () => {
    const { clock, notices, refuse } = createWatched(['a', 'b'], { panic: { threshold: 0.8, mode: 'fail' } });
    clock.advanceTo(30_000);
    refuse('a');
    clock.advanceTo(31_000);
    expect(notices[0]?.message).toBe('1 of 2 backends available (threshold 80 %), requests are refused');
  });

  it('is that most of it fails at once, and when that is over', () => {
    const { clock, notices, probe } = createWatched(['a', 'b', 'c', 'd']);
    clock.advanceTo(30_000);
    for (const id of ['a', 'b', 'c']) probe.failing.add(id);
    clock.advanceTo(45_000);
    expect(notices[0]).toEqual({
      kind: 'mass_failure',
      message: '3 of 4 backends began to fail at once, which may be our own fault: nobody is removed for it yet',
    });
    probe.failing.clear();
    clock.advanceTo(120_000);
    expect(notices.filter(({ kind }) => kind.startsWith('mass_failure'))).toEqual([
      notices[0],
      { kind: 'mass_failure_end', message: expect.stringMatching(/^no longer suspected after \d/) },
    ]);
  });

  it('is nothing more once it has stopped', () => {
    const { clock, notices, refuse, upstream } = createWatched(['a', 'b']);
    clock.advanceTo(30_000);
    upstream.stop();
    for (const id of ['a', 'b']) refuse(id);
    clock.advanceTo(60_000);
    expect(notices).toEqual([]);
  });
});
