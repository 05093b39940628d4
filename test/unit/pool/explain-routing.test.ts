import { describe, expect, it } from 'vitest';
import { explainRouting } from '../../../src/pool/explain-routing.ts';
import type { PoolRules } from '../../../src/pool/member.ts';
import { type Given, snapshotOf } from './support.ts';

const NO_RULES = { requireRole: null, zone: null };

function explain(given: readonly Given[], rules: Partial<PoolRules> = {}, slot = 0, isSticky = false): string {
  const snapshot = snapshotOf(given, rules);
  const backend = snapshot.entries[slot]?.backend;
  if (backend === undefined) throw new Error(`there is no slot ${slot}`);
  const role = given[slot]?.role ?? null;
  return explainRouting({ backend, role, isSticky }, snapshot, { ...NO_RULES, ...rules }).join(' ');
}

describe('why, of routing', () => {
  it('is silent where nothing is special', () => {
    expect(explain([{ status: 'up' }, { status: 'down' }])).toBe('');
    expect(explain([{ status: 'draining', keepsSessions: true }, { status: 'up' }])).toBe('');
  });

  it('tells the role that is missing', () => {
    const rules = { requireRole: 'primary' };
    expect(explain([{ status: 'up', role: 'replica' }], rules)).toBe(
      'role: its heartbeats say replica, and only primary is used.',
    );
    expect(explain([{ status: 'up' }], rules)).toBe('role: no heartbeat in force names one, and only primary is used.');
    expect(explain([{ status: 'up', role: 'primary' }], rules)).toBe('');
  });

  it('tells what a priority level takes', () => {
    const given: Given[] = [{ status: 'up' }, { status: 'down' }, { status: 'up', priority: 1 }];
    expect(explain(given, {}, 0)).toBe('priority 0: takes 70 % of the requests.');
    expect(explain(given, {}, 2)).toBe('priority 1: takes 30 % of the requests.');
    expect(explain([{ status: 'up' }, { status: 'up', priority: 1 }], {}, 1)).toBe(
      'priority 1: takes what others have no room for.',
    );
  });

  it('tells what stays in the zone', () => {
    const zone = { label: 'zone', local: 'a' };
    const given: Given[] = [
      { status: 'up', labels: { zone: 'a' } },
      { status: 'up', labels: { zone: 'b' } },
      { status: 'up' },
    ];
    expect(explain(given, { zone }, 0)).toBe('zone a, ours: takes 100 % of the requests.');
    expect(explain(given, { zone }, 1)).toBe('zone b, not ours (a): takes what others have no room for.');
    expect(explain(given, { zone }, 2)).toBe('zone unknown, not ours (a): takes what others have no room for.');
  });

  it('tells that a draining backend keeps its sessions', () => {
    const given: Given[] = [{ status: 'draining', keepsSessions: true }, { status: 'up' }];
    expect(explain(given, {}, 0, true)).toBe(
      'sessions: those that it has stay until their cookies expire, new ones go elsewhere.',
    );
  });
});
