import { beforeEach, describe, expect, it } from 'vitest';
import type { Waiting } from '../../../src/proxy/forwarder.ts';
import { WaitingLine } from '../../../src/proxy/waiting-line.ts';

const PENDING = 100;
const PATIENCE_MS = 5_000;
/** A tenth of the patience. */
const STANDING_MS = 500;

let room = 0;
let begun: string[] = [];
let rejected: string[] = [];
let line: WaitingLine;

beforeEach(() => {
  room = 0;
  begun = [];
  rejected = [];
  line = new WaitingLine({ pending: PENDING, pendingTimeoutMs: PATIENCE_MS });
});

class Request implements Waiting {
  isDone = false;
  untilMs = 0;
  readonly startedMs = 0;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  begin(): boolean {
    if (this.isDone) return true;
    if (room === 0) return false;
    room--;
    begun.push(this.name);
    return true;
  }

  waitUntil(atMs: number): void {
    this.untilMs = atMs;
  }

  reject(): void {
    this.isDone = true;
    rejected.push(this.name);
  }
}

function join(nowMs: number, ...names: string[]): Request[] {
  return names.map((name) => {
    const request = new Request(name);
    line.add(request, nowMs);
    return request;
  });
}

function serve(places: number, nowMs: number): void {
  room = places;
  line.serve(nowMs);
}

describe('a line that is not standing', () => {
  it('serves in order of arrival, as far as there is room', () => {
    join(0, 'a', 'b', 'c');
    serve(2, STANDING_MS - 1);
    expect(begun).toEqual(['a', 'b']);
    expect(line.length).toBe(1);
  });

  it('lets everybody wait for as long as the settings say', () => {
    const [request] = join(70, 'a');
    expect(request?.untilMs).toBe(70 + PATIENCE_MS);
  });

  it('rejects who comes when it is full', () => {
    join(0, ...Array.from({ length: PENDING }, (_, n) => `${n}`));
    join(STANDING_MS - 1, 'late');
    expect(rejected).toEqual(['late']);
    expect(line.length).toBe(PENDING);
  });
});

describe('a line whose first has waited for a tenth of the patience', () => {
  it('serves the newest first', () => {
    join(0, 'a', 'b');
    join(STANDING_MS - 1, 'c');
    serve(2, STANDING_MS);
    expect(begun).toEqual(['c', 'b']);
  });

  it('does not grow: who joins pushes out who has waited that long', () => {
    join(0, 'a', 'b');
    join(300, 'c');
    join(STANDING_MS, 'd', 'e', 'f');
    expect(rejected).toEqual(['a', 'b']);
    expect(line.length).toBe(4);
  });

  it('pushes out the first, and not who comes, when it is full', () => {
    join(0, 'old');
    join(STANDING_MS - 1, ...Array.from({ length: PENDING - 1 }, (_, n) => `${n}`));
    join(STANDING_MS, 'new', 'newer');
    expect(rejected).toEqual(['old', '0']);
    expect(line.length).toBe(PENDING);
  });

  it('pushes nobody out after a mere burst', () => {
    join(0, ...Array.from({ length: PENDING }, (_, n) => `${n}`));
    for (let nowMs = 100; line.length > 0; nowMs += 100) serve(5, nowMs);
    expect(rejected).toEqual([]);
    expect(begun).toHaveLength(PENDING);
  });

  it('stays standing until it is empty, and is then in order again', () => {
    join(0, 'a');
    join(400, 'b', 'c');
    serve(0, STANDING_MS);
    serve(1, STANDING_MS);
    expect(begun).toEqual(['c']);
    serve(2, STANDING_MS);
    expect(line.isStanding(STANDING_MS)).toBe(false);
    join(1_000, 'd', 'e');
    serve(1, 1_000);
    expect(begun.at(-1)).toBe('d');
  });
});

it('forgets who has gone, and rejects nobody twice', () => {
  const [gone, stayed] = join(0, 'gone', 'stayed');
  if (gone !== undefined) gone.isDone = true;
  join(STANDING_MS, 'new');
  expect(rejected).toEqual([]);
  if (stayed !== undefined) stayed.isDone = true;
  line.sweep();
  expect(line.length).toBe(1);
});

/** Requests that come at three times the capacity: nearly all of the capacity goes to answers that are in time. */
it('wastes no capacity on those who have waited too long', () => {
  const SERVED_PER_MS = 0.2;
  const waits: number[] = [];
  const refusalWaits: number[] = [];
  class Timed extends Request {
    readonly atMs: number;
    constructor(atMs: number) {
      super('');
      this.atMs = atMs;
    }
    override begin(): boolean {
      if (!super.begin()) return false;
      if (!this.isDone) waits.push(nowMs - this.atMs);
      return true;
    }
    override reject(): void {
      super.reject();
      refusalWaits.push(nowMs - this.atMs);
    }
  }
  line = new WaitingLine({ pending: 1_024, pendingTimeoutMs: PATIENCE_MS });
  let nowMs = 0;
  let credit = 0;
  let due = 0;
  for (; nowMs < 10_000; nowMs++) {
    for (due += 3 * SERVED_PER_MS; due >= 1; due--) line.add(new Timed(nowMs), nowMs);
    for (credit += SERVED_PER_MS; credit >= 1; credit--) serve(1, nowMs);
  }
  expect(waits.length).toBeGreaterThan(10_000 * SERVED_PER_MS - 10);
  expect(waits.filter((ms) => ms > STANDING_MS)).toEqual([]);
  expect(Math.max(...refusalWaits)).toBeLessThan(2 * STANDING_MS);
});
