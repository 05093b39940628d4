import { beforeEach, describe, expect, it } from 'vitest';
import type { Waiting } from '../../../src/proxy/forwarder.ts';
import { Outage } from '../../../src/proxy/outage.ts';

const PATIENCE_MS = 3_000;
const ROOM = 100;

let outage: Outage;

beforeEach(() => {
  outage = new Outage();
});

class Request implements Waiting {
  isDone = false;
  readonly startedMs: number;

  constructor(startedMs: number) {
    this.startedMs = startedMs;
  }

  begin(): boolean {
    return true;
  }

  waitUntil(): void {}

  reject(): void {}
}

/** A request that comes and finds nobody. */
function meet(nowMs: number, room = ROOM): { request: Request; untilMs: number | null } {
  const request = new Request(nowMs);
  return { request, untilMs: outage.hold(request, nowMs, PATIENCE_MS, room) };
}

describe('Outage', () => {
  it('counts the patience from its beginning, and ends it for those who come later', () => {
    expect(meet(1_000).untilMs).toBe(4_000);
    expect(meet(2_500).untilMs).toBe(4_000);
    expect(meet(4_000).untilMs).toBeNull();
    expect(meet(90_000).untilMs).toBeNull();
    expect(outage.length).toBe(2);
  });

  it('begins anew after an answer', () => {
    meet(1_000);
    outage.end();
    expect(outage.isOver).toBe(true);
    expect(meet(90_000).untilMs).toBe(93_000);
  });

  it('gives whoever came before it no more time for that', () => {
    meet(1_000);
    outage.end();
    expect(outage.hold(new Request(1_000), 3_500, PATIENCE_MS, ROOM)).toBe(4_000);
    expect(outage.hold(new Request(200), 3_500, PATIENCE_MS, ROOM)).toBeNull();
  });

  it('holds as many as there is room for', () => {
    expect(meet(1_000, 1).untilMs).not.toBeNull();
    expect(meet(1_001, 1).untilMs).toBeNull();
  });

  it('sends one ahead now and then, in the order in which they came', () => {
    const first = meet(1_000).request;
    const second = meet(1_001).request;
    expect(outage.scout(1_010)).toBe(first);
    expect(outage.scout(1_059)).toBeUndefined();
    expect(outage.scout(1_060)).toBe(second);
    expect(outage.scout(1_200)).toBeUndefined();
  });

  it('sends two after every answer, and is over when nobody is left', () => {
    const requests = [1_000, 1_001, 1_002].map((nowMs) => meet(nowMs).request);
    expect(outage.end()).toEqual(requests.slice(0, 2));
    expect(outage.isOver).toBe(false);
    expect(outage.end()).toEqual(requests.slice(2));
    expect(outage.isOver).toBe(true);
    expect(outage.end()).toEqual([]);
  });

  it('passes over those who have gone, and forgets them', () => {
    const [first, second, third] = [1_000, 1_001, 1_002].map((nowMs) => meet(nowMs).request) as [
      Request,
      Request,
      Request,
    ];
    first.isDone = true;
    expect(outage.scout(1_100)).toBe(second);
    third.isDone = true;
    outage.sweep();
    expect(outage.length).toBe(0);
  });
});
