import { describe, expect, it } from 'vitest';
import { simulatedBackend } from '../../../src/sim/settings.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { JournalReader } from '../../../src/workers/journal.ts';
import type { FromWorker, Report } from '../../../src/workers/messages.ts';
import { Reporter } from '../../../src/workers/reporter.ts';

const PLACE = { backend: { ...simulatedBackend('a'), slot: 0 }, epoch: 1, trial: false };

function createReporter() {
  const clock = new VirtualClock();
  const sent: Report[] = [];
  const dropped: number[] = [];
  /** Of messages that the channel has not taken yet. */
  const waiting: (() => void)[] = [];
  const reporter = new Reporter({
    clock,
    stallEndedMs: () => Number.NEGATIVE_INFINITY,
    send: (message: FromWorker, onSent) => {
      if (message.kind === 'report') sent.push(message);
      if (onSent !== undefined) waiting.push(onSent);
    },
    collect: (into) => void into.push(1, 0, 2, 3, 0),
    onFault: (error) => {
      throw error;
    },
    onDropped: (outcomes) => void dropped.push(outcomes),
  });
  reporter.start();
  const advance = (ms: number) => clock.advanceTo(clock.now() + ms);
  /** Outcomes told so far. */
  const told = () =>
    sent.map(({ batch }) => {
      const reader = new JournalReader(batch);
      const outcomes = [];
      while (reader.next()) outcomes.push(reader.outcome);
      return outcomes;
    });
  return { reporter, advance, sent, dropped, waiting, told };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('Reporter', () => {
  it('tells successes every 100 ms', async () => {
    const { reporter, advance, told } = createReporter();
    for (let n = 0; n < 3; n++) reporter.tellOutcome(1, PLACE, 'ok', 1, '');
    advance(99);
    await turn();
    expect(told()).toEqual([]);
    advance(1);
    expect(told()).toEqual([['ok', 'ok', 'ok']]);
  });

  it('tells a failure at the end of the turn, with what went before it, and a burst of them once', async () => {
    const { reporter, advance, told } = createReporter();
    advance(50);
    reporter.tellOutcome(1, PLACE, 'ok', 1, '');
    for (let n = 0; n < 3; n++) reporter.tellOutcome(1, PLACE, 'reset', 1, 'closed');
    expect(told()).toEqual([]);
    await turn();
    expect(told()).toEqual([['ok', 'reset', 'reset', 'reset']]);
    reporter.tellOutcome(1, PLACE, 'reset', 1, 'closed');
    await turn();
    expect(told()).toHaveLength(1);
    advance(5);
    expect(told()).toHaveLength(2);
  });

  it('tells the last load report of each backend, and every notice', () => {
    const { reporter, advance, sent } = createReporter();
    reporter.tellLoad(1, 'a', { kind: 'malformed', detail: 'no such format' });
    reporter.tellLoad(1, 'a', { kind: 'absent' });
    reporter.tellLoad(1, 'b', { kind: 'absent' });
    advance(100);
    expect(sent.at(-1)?.loads).toEqual([
      { pool: 1, backend: 'a', load: { kind: 'absent' } },
      { pool: 1, backend: 'b', load: { kind: 'absent' } },
    ]);
    reporter.tellNotice(1, 'a', true, 0);
    advance(5);
    expect(sent.at(-1)?.notices).toEqual([{ pool: 1, backend: 'a', isDraining: true, retryAfterMs: 0 }]);
  });

  it('does not pile up what nobody takes, and says what was lost once somebody does', async () => {
    const { reporter, advance, sent, dropped, waiting } = createReporter();
    for (let n = 0; n < 500; n++) {
      reporter.tellOutcome(1, PLACE, 'ok', 1, '');
      advance(100);
    }
    expect(sent).toHaveLength(100);
    for (const taken of waiting.splice(0)) taken();
    reporter.tellOutcome(1, PLACE, 'ok', 1, '');
    advance(100);
    expect(sent).toHaveLength(101);
    expect(dropped).toEqual([400]);
    // In flight is told in full, so that it is right again.
    expect(sent.at(-1)?.counters.length).toBe(5 * 8);
  });
});
