import { describe, expect, test } from 'vitest';
import { CallQueue } from '../../../src/hooks/call-queue.ts';
import type { Call } from '../../../src/hooks/pace.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { change } from './support.ts';

interface Begun {
  readonly call: Call;
  readonly dropped: number;
  end(): Promise<void>;
}

function createQueue() {
  const clock = new VirtualClock();
  const begun: Begun[] = [];
  const queue = new CallQueue(clock, (call, dropped) => {
    let finish = () => {};
    const ended = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const end = async () => {
      finish();
      // What follows the end of a call comes in later microtasks.
      await new Promise((resolve) => setImmediate(resolve));
    };
    begun.push({ call, dropped, end });
    return ended;
  });
  const push = (subject: string) =>
    queue.push({ trigger: 'down', event: change(subject, 'down'), subject, suppressed: 0 });
  const turn = () => clock.advanceTo(clock.now());
  const subjects = () => begun.map(({ call }) => call.subject);
  return { queue, begun, push, turn, subjects };
}

describe('the calls of a hook', () => {
  test('begin in a later turn, four at once', async () => {
    const { begun, push, turn, subjects } = createQueue();
    for (const subject of ['a', 'b', 'c', 'd', 'e', 'f']) push(subject);
    expect(begun).toEqual([]);
    turn();
    expect(subjects()).toEqual(['a', 'b', 'c', 'd']);
    await begun[1]?.end();
    expect(subjects()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('about the same subject are made one after the other, and hold up no others', async () => {
    const { begun, push, turn, subjects } = createQueue();
    for (const subject of ['a', 'a', 'b', 'a']) push(subject);
    turn();
    expect(subjects()).toEqual(['a', 'b']);
    const ids = () => begun.filter(({ call }) => call.subject === 'a').map(({ call }) => call.event.id);
    await begun[0]?.end();
    await begun[2]?.end();
    expect(subjects()).toEqual(['a', 'b', 'a', 'a']);
    expect(ids()).toEqual([...ids()].sort((x, y) => x - y));
  });

  test('wait 256 at most: the oldest are given up, and the next call says how many', async () => {
    const { begun, push, turn, subjects } = createQueue();
    for (let n = 0; n < 300; n++) push(`b${n}`);
    turn();
    expect(subjects()).toEqual(['b44', 'b45', 'b46', 'b47']);
    expect(begun.map(({ dropped }) => dropped)).toEqual([44, 0, 0, 0]);
  });

  test('that wait are given up when it closes, and those under way are waited for', async () => {
    const { queue, begun, push, turn } = createQueue();
    for (const subject of ['a', 'a']) push(subject);
    turn();
    let isClosed = false;
    const closed = queue.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    await begun[0]?.end();
    await closed;
    expect(begun).toHaveLength(1);
  });
});
