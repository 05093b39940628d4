import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { carriesAll, levelHealth, sharesOf } from '../../../src/pool/priorities.ts';
import { snapshotOf, times } from './support.ts';

interface Fixture {
  readonly loads: readonly { healthy: readonly number[]; load: readonly number[] }[];
  readonly normalised: { health: readonly number[]; load: readonly number[] };
  readonly panic: readonly { healthy: readonly number[]; load: readonly number[]; panic: readonly boolean[] }[];
  readonly panic_rr: readonly {
    hosts: number;
    healthy: number;
    threshold?: number;
    fail_traffic_on_panic?: boolean;
    serving: number;
  }[];
}

const fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/priority-panic.json', import.meta.url), 'utf8'),
) as Fixture;

/** A pool of 100 backends per level, of which so many are up. */
function poolOf(healthy: readonly number[]) {
  return snapshotOf(
    healthy.flatMap((up, priority) => [
      ...times(up, { status: 'up' as const, priority }),
      ...times(100 - up, { status: 'down' as const, priority }),
    ]),
  );
}

function loadOf(healthy: readonly number[]): number[] {
  const { groups } = poolOf(healthy);
  return healthy.map((_, priority) => (groups.find((group) => group.priority === priority)?.share ?? 0) * 100);
}

describe('priority levels, as published', () => {
  it.each(fixture.loads)('give $healthy % healthy the loads $load %', ({ healthy, load }) => {
    // The tables are in whole percent, rounded down in places.
    loadOf(healthy).forEach((share, priority) => {
      expect(Math.abs(share - (load[priority] as number))).toBeLessThan(1);
    });
  });

  it('share out by normalised health when all are weak', () => {
    const { health, load } = fixture.normalised;
    const shares = sharesOf(health.map((percent) => percent / 100));
    shares.forEach((share, level) => {
      expect(share * 100).toBeCloseTo(load[level] as number);
    });
  });

  it.each(fixture.panic)('panic in $panic at $healthy % healthy', ({ healthy, load, panic }) => {
    const { groups, panic: anyPanics } = poolOf(healthy);
    expect(anyPanics).toBe(panic.includes(true));
    panic.forEach((panics, priority) => {
      const group = groups.find((one) => one.priority === priority);
      expect(Math.abs((group?.share ?? 0) * 100 - (load[priority] as number))).toBeLessThan(1);
      // The least bad fill the level up to the threshold.
      const serving = panics ? 50 : (healthy[priority] as number);
      expect(group?.candidates).toHaveLength(serving);
    });
  });

  it.each(fixture.panic_rr)('serve from $serving of $hosts with $healthy healthy, threshold $threshold', (row) => {
    const mode = row.fail_traffic_on_panic === true ? 'fail' : 'all';
    const given = [
      ...times(row.healthy, { status: 'up' as const }),
      ...times(row.hosts - row.healthy, { status: 'down' as const }),
    ];
    const { candidates } = snapshotOf(given, { panic: { mode, threshold: (row.threshold ?? 50) / 100 } });
    expect(candidates).toHaveLength(row.serving);
  });
});

describe('shares', () => {
  it('make one together, keep to the order, and never exceed what a level can take unless all are weak', () => {
    for (let n = 0; n < 2_000; n++) {
      const healths = [n % 11, (n * 7) % 11, (n * 13) % 11].map((tenth) => levelHealth(tenth, 10));
      const shares = sharesOf(healths);
      const sum = shares.reduce((total, share) => total + share, 0);
      const total = healths.reduce((all, health) => all + health, 0);
      expect(sum).toBeCloseTo(total === 0 ? 0 : 1, 9);
      shares.forEach((share, level) => {
        expect(share).toBeGreaterThanOrEqual(0);
        if (carriesAll(healths)) expect(share).toBeLessThanOrEqual((healths[level] as number) + 1e-9);
      });
    }
  });

  it('count a level without anybody to judge as nothing', () => {
    expect(levelHealth(0, 0)).toBe(0);
    expect(sharesOf([0, 0])).toEqual([0, 0]);
    expect(sharesOf([0, 0.5, 0.5])).toEqual([0, 0.5, 0.5]);
  });
});
