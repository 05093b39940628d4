import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventStreams } from '../../../src/admin/events.ts';
import type { Clock } from '../../../src/base/time.ts';
import { eventsCommand } from '../../../src/cli/events.ts';
import { EventLog } from '../../../src/control/event-log.ts';
import { StartError, UsageError } from '../../../src/model/errors.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { createWatch } from '../../support/until.ts';
import { fakeWorld } from '../cli-main/support.ts';
import { exchangeBytes, type Running, startFake } from './fake-control.ts';

let running: Running;

beforeEach(async () => {
  running = await startFake('secret');
});

afterEach(() => running.server.close());

function happen(backend: string, reason = '3 probes failed in a row'): void {
  running.control.events.record('app', { id: 1, at: 0, backend, from: 'up', to: 'down', reason, source: 'probe' });
}

interface Stream {
  /** Resolves with all that came once it holds `text`. */
  until(text: string): Promise<string>;
  leave(): Promise<void>;
}

async function open(query = '', headers: Record<string, string> = {}): Promise<Stream> {
  const abort = new AbortController();
  const answer = await fetch(`${running.url}/events${query}`, {
    headers: { authorization: 'Bearer secret', ...headers },
    signal: abort.signal,
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const watch = createWatch();
  let received = '';
  const reading = (async () => {
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      received += new TextDecoder().decode(chunk);
      watch.notify();
    }
  })().catch(() => {});
  return {
    until: (text) =>
      watch.until(
        () => (received.includes(text) ? received : null),
        () => `${JSON.stringify(text)} did not come; received: ${received}`,
      ),
    leave: () => {
      abort.abort();
      return reading;
    },
  };
}

function idsIn(text: string): number[] {
  return [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
}

describe('GET /events', () => {
  it('sends each transition to come, as one message with its id', async () => {
    happen('a');
    const stream = await open();
    await stream.until(': events follow');
    happen('b');
    const text = await stream.until('\n\nid: 2\ndata: ');
    expect(idsIn(text)).toEqual([2]);
    expect(JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '')).toEqual({
      id: 2,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      upstream: 'app',
      backend: 'b',
      from: 'up',
      to: 'down',
      reason: '3 probes failed in a row',
      source: 'probe',
    });
    await stream.leave();
  });

  it('sends notices under a name of their own, with ids of the same row', async () => {
    happen('a');
    const stream = await open('?since=0');
    running.control.events.note({ kind: 'panic', upstream: 'app', message: '1 of 4 backends is available' });
    const text = await stream.until('"kind":"panic"');
    expect(idsIn(text)).toEqual([1, 2]);
    const [, data] = /\n\nid: 2\nevent: notice\ndata: (.*)\n/.exec(text) ?? [];
    expect(JSON.parse(data ?? '')).toEqual({
      id: 2,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      kind: 'panic',
      upstream: 'app',
      backend: null,
      message: '1 of 4 backends is available',
    });
    expect(text).toMatch(/\n\nid: 1\ndata: /);
    await stream.leave();
  });

  it('begins after `since`, or after the Last-Event-ID of a reader that comes back', async () => {
    for (const backend of ['a', 'b', 'c']) happen(backend);
    const first = await open('?since=1');
    expect(idsIn(await first.until('id: 3\n'))).toEqual([2, 3]);
    const second = await open('?since=1', { 'last-event-id': '2' });
    expect(idsIn(await second.until('id: 3\n'))).toEqual([3]);
    await Promise.all([first.leave(), second.leave()]);
  });

  it('ends after the kept events when it is not to follow', async () => {
    happen('a');
    const headers = { authorization: 'Bearer secret' };
    const answer = await fetch(`${running.url}/events?since=0&follow=false`, { headers });
    expect(idsIn(await answer.text())).toEqual([1]);
  });

  it.each(['?since=x', '?since=-1', '?since='])('refuses %s', async (query) => {
    const answer = await fetch(`${running.url}/events${query}`, { headers: { authorization: 'Bearer secret' } });
    expect([answer.status, await answer.json()]).toEqual([400, expect.objectContaining({ error: 'bad_since' })]);
  });

  it('needs the token that reads need', async () => {
    expect((await fetch(`${running.url}/events`)).status).toBe(401);
  });

  it('answers HEAD without beginning a stream', async () => {
    const head =
      'HEAD /events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer secret\r\nconnection: close\r\n\r\n';
    const received = await exchangeBytes(running.port, head);
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(received.endsWith('\r\n\r\n')).toBe(true);
  });

  it('follows at most 64 readers at once, and lets the next one in when one leaves', async () => {
    const streams = await Promise.all(Array.from({ length: 64 }, () => open()));
    const headers = { authorization: 'Bearer secret' };
    const refused = await fetch(`${running.url}/events`, { headers });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    await streams[0]?.leave();
    let answer = refused;
    for (let tries = 0; answer.status === 503 && tries < 1_000; tries++) {
      await answer.body?.cancel();
      answer = await fetch(`${running.url}/events`, { headers });
    }
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
    await Promise.all(streams.map((stream) => stream.leave()));
  });

  it('cuts a reader off that leaves too much unread', async () => {
    const socket = connect(running.port, '127.0.0.1');
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => {});
    await new Promise<void>((resolve) => {
      socket.once('data', () => {
        socket.pause();
        resolve();
      });
      socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer secret\r\n\r\n');
    });
    const other = await open();
    // More than both kernels' buffers can take for us.
    for (let i = 0; i < 200; i++) happen('b', 'x'.repeat(100_000));
    happen('b', 'the last');
    await other.leave();
    socket.resume();
    await closed;
  });

  it('shows every 15 s that it lives, and nothing more once the reader has left', () => {
    const clock = new VirtualClock();
    const response = new PassThrough();
    const answer = new EventStreams(new EventLog(clock), clock).answer(new URLSearchParams(), undefined);
    if ('stream' in answer) answer.stream(response as unknown as ServerResponse);
    response.read();
    clock.advanceTo(14_999);
    expect(response.read()).toBeNull();
    clock.advanceTo(15_000);
    expect(String(response.read())).toBe(': still here\n\n');
    clock.advanceTo(30_000);
    expect(String(response.read())).toBe(': still here\n\n');
    response.emit('close');
    clock.advanceTo(60_000);
    expect(response.read()).toBeNull();
  });

  it('does not keep the server from closing', async () => {
    const stream = await open();
    await running.server.close();
    await stream.leave();
  });
});

describe('pulsegate events', () => {
  /** Waits are over at once. */
  const clock: Clock = {
    now: () => 0,
    wall: () => 0,
    at: (_, fn) => {
      const handle = setImmediate(fn);
      return { cancel: () => clearImmediate(handle) };
    },
  };

  function world() {
    const watch = createWatch();
    const made = fakeWorld({
      clock,
      env: { PULSEGATE_ADMIN: running.url, PULSEGATE_ADMIN_TOKEN: 'secret' },
      out: (text) => {
        made.out.push(text);
        watch.notify();
      },
      err: (text) => {
        made.err.push(text);
        watch.notify();
      },
    });
    const until = (holds: () => boolean) =>
      watch.until(
        () => (holds() ? true : null),
        () => `stdout: ${made.out.join('')}, stderr: ${made.err.join('')}`,
      );
    return { ...made, until };
  }

  it('prints what is kept, one line each, without control characters', async () => {
    happen('a');
    happen('b', 'connect \x1b[2J');
    const { context, out } = world();
    expect(await eventsCommand([], context)).toBe(0);
    expect(out.join('')).toMatch(
      /^\S+Z {2}app\/a {2}up -> down: 3 probes failed in a row\n\S+Z {2}app\/b {2}up -> down: connect \?\[2J\n$/,
    );
  });

  it('prints notices with what they concern', async () => {
    const { events } = running.control;
    events.note({ kind: 'panic', upstream: 'app', message: '1 of 4 backends is available' });
    events.note({ kind: 'hook', upstream: 'app', backend: 'a', message: 'ops answered 200' });
    events.note({ kind: 'reload', message: 'generation 2' });
    const { context, out } = world();
    expect(await eventsCommand([], context)).toBe(0);
    expect(out.map((line) => line.replace(/^\S+Z {2}/, ''))).toEqual([
      'app  panic: 1 of 4 backends is available\n',
      'app/a  hook: ops answered 200\n',
      '-  reload: generation 2\n',
    ]);
  });

  it('prints events as they are with --json', async () => {
    happen('a');
    const { context, out } = world();
    expect(await eventsCommand(['--json'], context)).toBe(0);
    expect(JSON.parse(out.join(''))).toEqual(running.control.events.since(0)[0]);
  });

  it('follows over a restart of the proxy, and ends on a stop signal', async () => {
    happen('a');
    const { context, out, err, stopSignals, until } = world();
    const done = eventsCommand(['--follow'], context);
    await until(() => out.length === 1);
    happen('b');
    await until(() => out.length === 2);
    await running.server.close();
    await until(() => err.join('').includes('Trying again'));
    running = await startFake('secret', { bind: { kind: 'tcp', host: '127.0.0.1', port: running.port } });
    happen('c');
    await until(() => out.length === 3);
    stopSignals[0]?.();
    expect(await done).toBe(0);
    expect(out.map((line) => line.split('  ')[1])).toEqual(['app/a', 'app/b', 'app/c']);
    expect(err).toHaveLength(1);
  });

  it('fails in one line when the proxy is not there, also with --follow', async () => {
    await running.server.close();
    await expect(eventsCommand(['--follow'], world().context)).rejects.toThrow(StartError);
    await expect(eventsCommand([], world().context)).rejects.toThrow(/nothing listens there/);
  });

  it('refuses stray words', async () => {
    await expect(eventsCommand(['app'], world().context)).rejects.toThrow(UsageError);
  });
});
