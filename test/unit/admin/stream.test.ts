import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { StateStreams } from '../../../src/admin/stream.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { createFakeControl, type FakeControl, startFake } from './fake-control.ts';

/** A reader's end of a stream. */
interface Reader {
  /** Names and data of the messages since the last call. */
  take(): [event: string, data: Record<string, unknown>][];
  readonly response: PassThrough;
}

const SELF = { awareness: 0, loop_lag_ms: 0, workers: 1 };

let clock: VirtualClock;
let control: FakeControl;
let streams: StateStreams;
let pictures: number;

beforeEach(() => {
  clock = new VirtualClock();
  const fake = createFakeControl();
  pictures = 0;
  control = {
    ...fake,
    health() {
      pictures += 1;
      return fake.health();
    },
  };
  streams = new StateStreams(control, clock);
});

/** @param highWaterMark bytes that the reader's side takes before it counts as not reading */
function open(highWaterMark = 1_000_000): Reader {
  const response = new PassThrough({ highWaterMark });
  const answer = streams.answer();
  if (!('stream' in answer)) throw new Error('refused');
  answer.stream(response as unknown as ServerResponse);
  return {
    response,
    take: () => {
      const text = String(response.read() ?? '');
      return [...text.matchAll(/^event: (.*)\ndata: (.*)\n\n/gm)].map(([, event = '', data = '']) => [
        event,
        JSON.parse(data) as Record<string, unknown>,
      ]);
    },
  };
}

function happen(backend: string): void {
  const reason = '3 probes failed in a row';
  control.events.record('app', { id: 1, at: 0, backend, from: 'up', to: 'down', reason, source: 'probe' });
}

describe('GET /stream', () => {
  it('begins with the whole picture and what happened before', () => {
    happen('a');
    const [message, ...others] = open().take();
    expect(message?.[0]).toBe('state');
    expect(message?.[1]).toEqual({ at: clock.wall(), health: control.health(), events: control.events.since(0) });
    expect(others).toEqual([]);
  });

  it('then tells once a second only what changed', () => {
    const reader = open();
    reader.take();
    control.setStatus('app', '127.0.0.1:3002', 'down');
    clock.advanceTo(999);
    expect(reader.take()).toEqual([]);
    clock.advanceTo(1_000);
    expect(reader.take()).toEqual([
      [
        'patch',
        {
          at: clock.wall(),
          upstreams: {
            app: { status: 'degraded', available: 1, changed: [[1, { status: 'down', available: false }]] },
          },
        },
      ],
    ]);
    clock.advanceTo(2_000);
    expect(reader.take()).toEqual([['patch', { at: clock.wall() }]]);
  });

  it('tells events within 50 ms, those of one moment together', () => {
    const reader = open();
    reader.take();
    clock.advanceTo(100);
    for (const backend of ['a', 'b', 'c']) happen(backend);
    clock.advanceTo(149);
    expect(reader.take()).toEqual([]);
    clock.advanceTo(150);
    const [[event, events] = []] = reader.take();
    expect([event, events]).toEqual(['events', control.events.since(0)]);
  });

  it('asks for one picture a second however many read, and for none when nobody does', () => {
    const readers = Array.from({ length: 10 }, () => open());
    expect(pictures).toBe(1);
    clock.advanceTo(5_000);
    expect(pictures).toBe(6);
    for (const { response } of readers) response.emit('close');
    happen('a');
    clock.advanceTo(60_000);
    expect(pictures).toBe(6);
    open();
    expect(pictures).toBe(7);
  });

  it('gives who comes between two seconds a picture that the next patch fits', () => {
    open();
    clock.advanceTo(500);
    control.setStatus('app', 'a', 'down');
    const late = open();
    const [[, first] = []] = late.take();
    expect(JSON.stringify(first)).not.toContain('"status":"down"');
    clock.advanceTo(1_000);
    expect(JSON.stringify(late.take())).toContain('"status":"down"');
  });

  it('lets a slow reader miss patches, and gives it a whole picture once it has caught up', () => {
    const reader = open(1);
    clock.advanceTo(3_000);
    happen('a');
    clock.advanceTo(3_500);
    // Its first picture, and nothing on top of it.
    expect(reader.take().map(([event]) => event)).toEqual(['state']);
    clock.advanceTo(4_000);
    const [[event, { events } = {}] = []] = reader.take();
    expect([event, events]).toEqual(['state', control.events.since(0)]);
  });

  it('cuts off who reads nothing for ten seconds', () => {
    const reader = open(1);
    const healthy = open();
    clock.advanceTo(10_000);
    expect(reader.response.destroyed).toBe(false);
    clock.advanceTo(11_000);
    expect(reader.response.destroyed).toBe(true);
    expect(healthy.response.destroyed).toBe(false);
  });

  it('follows at most 64 readers at once', () => {
    const readers = Array.from({ length: 64 }, () => open());
    expect(streams.answer()).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    readers[0]?.response.emit('close');
    expect(streams.answer()).toMatchObject({ status: 200 });
  });

  it('takes less than 5 % of a core for ten readers of 300 backends that all change every second', () => {
    const [one] = control.health().upstreams.app?.backends ?? [];
    let second = 0;
    control.health = () => {
      second += 1;
      const backends = Array.from({ length: 300 }, (_, i) => ({
        ...(one as NonNullable<typeof one>),
        id: `b${i}`,
        requests_total: second * i,
        in_flight: second % 7,
        latency_ms: { p50: second % 5, p90: second % 11, p99: second % 17 },
      }));
      const app = {
        status: 'ok',
        panic: false,
        balance: 'random',
        available: 300,
        total: 300,
        snapshot: 1,
        backends,
      } as const;
      return { status: 'ok', version: '1', generation: 1, uptime_seconds: second, self: SELF, upstreams: { app } };
    };
    const readers = Array.from({ length: 10 }, () => open());
    const before = process.cpuUsage();
    for (let i = 1; i <= 60; i++) {
      clock.advanceTo(i * 1_000);
      // Read and thrown away: what readers do with it is their own time.
      for (const { response } of readers) response.read();
    }
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6 / 60).toBeLessThan(0.05);
    expect(second).toBe(61);
  });

  it('needs the token that reads need, and does not keep the server from closing', async () => {
    const running = await startFake('secret');
    expect((await fetch(`${running.url}/stream`)).status).toBe(401);
    const answer = await fetch(`${running.url}/stream`, { headers: { authorization: 'Bearer secret' } });
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    await running.server.close();
    expect(await answer.text()).toMatch(/^event: state\ndata: \{/);
  });
});
