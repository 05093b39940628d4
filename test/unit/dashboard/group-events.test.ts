import { describe, expect, it } from 'vitest';
import { groupEvents } from '../../../src/dashboard/group-events.ts';
import type { HealthEvent, LoggedEvent, Notice } from '../../../src/model/event.ts';

function transition(id: number, fields: Partial<HealthEvent> = {}): HealthEvent {
  const at = new Date(id * 1_000).toISOString();
  return {
    id,
    at,
    upstream: 'app',
    backend: `b${id}`,
    from: 'up',
    to: 'down',
    reason: 'x',
    source: 'probe',
    ...fields,
  };
}

const notice: Notice = {
  id: 3,
  at: new Date(3_000).toISOString(),
  kind: 'panic',
  upstream: 'app',
  backend: null,
  message: 'm',
};

function kindsOf(events: readonly LoggedEvent[]): string[] {
  return groupEvents(events).map((entry) => (entry.kind === 'group' ? `group of ${entry.events.length}` : entry.kind));
}

describe('groupEvents', () => {
  it('puts four or more of the same together, the latest first', () => {
    const events = [1, 2, 3, 4].map((id) => transition(id));
    expect(kindsOf([...events, transition(5, { to: 'ejected' })])).toEqual(['transition', 'group of 4']);
    expect(kindsOf(events.slice(1))).toEqual(['transition', 'transition', 'transition']);
  });

  it.each([
    ['another pool', { upstream: 'api' }],
    ['another source', { source: 'heartbeat' }],
    ['another status before', { from: 'suspect' }],
    ['more than ten seconds', { at: new Date(12_000).toISOString() }],
  ] as const)('begins anew with %s', (_, fields) => {
    const events = [1, 2].map((id) => transition(id));
    expect(kindsOf([...events, transition(3, fields), transition(4, fields)])).toEqual(Array(4).fill('transition'));
  });

  it('leaves notices where they are', () => {
    const events: LoggedEvent[] = [transition(1), transition(2), notice, transition(4), transition(5)];
    expect(kindsOf(events)).toEqual(['transition', 'transition', 'notice', 'transition', 'transition']);
  });
});
