/** HTTP/2 backends that break off, refuse, or make no sense: what the client gets, and whether the request is made again. */

import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startHttp2Backend } from '../support/http2-backend.ts';
import { type FrameConnection, startFrameBackend } from '../support/http2-frame-backend.ts';
import {
  ACK,
  CANCEL,
  DATA,
  END_STREAM,
  type Field,
  type Frame,
  frame,
  GOAWAY,
  HEADERS,
  INTERNAL_ERROR,
  NO_ERROR,
  PING,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  RST_STREAM,
  uint32,
  WINDOW_UPDATE,
} from '../support/http2-frames.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { createWatch } from '../support/until.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi';

/** Short answers go out as they come, too. */
const NO_RETRIES = { retry: { attempts: 0 } };

type OnRequest = (connection: FrameConnection, stream: number, frame: Frame) => void;

/** A backend that answers HEADERS as told, and a proxy in front of it. */
async function behind(onRequest: OnRequest, upstream: object = {}, more: readonly string[] = []) {
  const backend = await startFrameBackend((connection, got) => {
    if (got.type === HEADERS) onRequest(connection, got.stream, got);
  });
  const { port } = await startProxy({
    backends: [backend.origin, ...more],
    upstream: { protocol: 'h2c', balance: 'first', ...upstream },
  });
  return { backend, client: await connectRaw(port), port };
}

const reset = (stream: number, code: number) => frame(RST_STREAM, 0, stream, uint32(code));
const goaway = (last: number, code = NO_ERROR) => frame(GOAWAY, 0, 0, Buffer.concat([uint32(last), uint32(code)]));
const data = (stream: number, text: string, flags = 0) => frame(DATA, flags, stream, Buffer.from(text));
const ok = (connection: FrameConnection, stream: number) => connection.head(stream, [[':status', '200']], END_STREAM);

describe('a request that the backend says it has not begun', () => {
  it('is made again elsewhere after REFUSED_STREAM, whatever its method [R70]', async () => {
    const other = await startHttp2Backend();
    const { client } = await behind((c, stream) => c.send(reset(stream, REFUSED_STREAM)), {}, [other.origin]);
    client.send(POST);
    expect((await client.next()).body).toBe('ok');
    expect(other.streams[0]?.body).toBe('hi');
  });

  it('is answered with 503 when nobody takes it', async () => {
    const { backend, client } = await behind((c, stream) => c.send(reset(stream, REFUSED_STREAM)));
    client.send(POST);
    const answer = await client.next();
    expect(answer.startLine).toBe('HTTP/1.1 503 Service Unavailable');
    expect(backend.frames.filter(({ type }) => type === HEADERS)).toHaveLength(3);
  });

  it('is made again after a GOAWAY that names an earlier stream, on another connection [R70]', async () => {
    const { client, backend } = await behind((c, stream) => {
      if (stream === 1) ok(c, 1);
      else c.send(goaway(1));
    });
    client.send(GET);
    await client.next();
    client.send(POST);
    expect((await client.next()).startLine).toBe('HTTP/1.1 200 OK');
    expect(backend.connections()).toBe(2);
  });

  it('is made again after a GOAWAY for an error, too', async () => {
    const { client, backend } = await behind((c, stream) => {
      if (c.index === 0 && stream === 3) c.send(goaway(1, 11));
      else ok(c, stream);
    });
    client.send(GET);
    await client.next();
    client.send(POST);
    expect((await client.next()).startLine).toBe('HTTP/1.1 200 OK');
    expect(backend.connections()).toBe(2);
  });
});

describe('a request that the backend may have begun', () => {
  it.each([
    ['RST_STREAM', (c: FrameConnection, stream: number) => c.send(reset(stream, INTERNAL_ERROR))],
    ['RST_STREAM without an error', (c: FrameConnection, stream: number) => c.send(reset(stream, NO_ERROR))],
    ['a reset connection', (c: FrameConnection) => c.reset()],
    ['a closed connection', (c: FrameConnection) => c.end()],
    ['GOAWAY that names it', (c: FrameConnection, stream: number) => c.finish(goaway(stream))],
  ] as const)('is not made again after %s unless its method allows it', async (_, fail) => {
    const other = await startHttp2Backend();
    const { client } = await behind((c, stream) => fail(c, stream), {}, [other.origin]);
    client.send(POST);
    expect((await client.next()).startLine).toBe('HTTP/1.1 502 Bad Gateway');
    expect(other.streams).toHaveLength(0);
    client.send(GET);
    expect((await client.next()).body).toBe('ok');
  });
});

describe('an answer that breaks off is never made to look whole [F74]', () => {
  it.each([
    ['RST_STREAM', (c: FrameConnection) => c.send(reset(1, CANCEL))],
    ['RST_STREAM with NO_ERROR', (c: FrameConnection) => c.send(reset(1, NO_ERROR))],
    ['the connection closing', (c: FrameConnection) => c.end()],
    ['the connection being reset', (c: FrameConnection) => c.reset()],
    ['GOAWAY for an error', (c: FrameConnection) => c.send(goaway(1, PROTOCOL_ERROR))],
    ['a second head', (c: FrameConnection) => c.head(1, [[':status', '200']])],
    ['malformed trailers', (c: FrameConnection) => c.head(1, [['content-length', '5']], END_STREAM)],
    ['a pseudo field in the trailers', (c: FrameConnection) => c.head(1, [[':status', '200']], END_STREAM)],
  ] as const)('by %s', async (_, fail) => {
    let connection: FrameConnection | null = null;
    const { client } = await behind((c) => {
      connection = c;
      c.head(1, [[':status', '200']]);
      c.send(data(1, 'part'));
    });
    client.send(GET);
    await client.until((received) => received.includes('part'));
    fail(connection as unknown as FrameConnection);
    expect(await client.ended()).toBe('reset');
    expect(client.received()).not.toContain('0\r\n\r\n');
  });
});

it('a request whose client leaves in the middle of its body is cancelled, and does not look whole', async () => {
  const { client, backend } = await behind(() => {});
  client.send('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n');
  await backend.until(() => (backend.frames.some(({ type }) => type === DATA) ? true : null));
  client.reset();
  const end = await backend.until(() => backend.frames.find(({ type }) => type === RST_STREAM) ?? null);
  expect(end.payload.readUInt32BE()).toBe(CANCEL);
  expect(backend.frames.filter(({ type, flags }) => type === DATA && flags & END_STREAM)).toEqual([]);
});

describe('an answer that makes no sense is 502, and costs no other request its connection [F76 R62]', () => {
  it.each([
    ['without a status', [['server', 'x']]],
    ['with a status that is none', [[':status', '2OO']]],
    ['with a status beyond all', [[':status', '600']]],
    [
      'with two statuses',
      [
        [':status', '200'],
        [':status', '404'],
      ],
    ],
    [
      'with a pseudo field of requests',
      [
        [':status', '200'],
        [':path', '/'],
      ],
    ],
    [
      'with a capital in a name',
      [
        [':status', '200'],
        ['X-Up', '1'],
      ],
    ],
    [
      'with a connection field',
      [
        [':status', '200'],
        ['connection', 'close'],
      ],
    ],
    [
      'with chunks',
      [
        [':status', '200'],
        ['transfer-encoding', 'chunked'],
      ],
    ],
    [
      'with two lengths',
      [
        [':status', '200'],
        ['content-length', '1'],
        ['content-length', '2'],
      ],
    ],
    ['with 101', [[':status', '101']]],
  ] as [string, Field[]][])('%s', async (_, fields) => {
    const { client, backend } = await behind((c, stream) => {
      if (stream === 1) {
        c.head(1, fields);
        c.send(data(1, 'x', END_STREAM));
      } else {
        ok(c, stream);
      }
    });
    client.send(GET);
    expect((await client.next()).startLine).toBe('HTTP/1.1 502 Bad Gateway');
    client.send(GET);
    expect((await client.next()).startLine).toBe('HTTP/1.1 200 OK');
    expect(backend.connections()).toBe(1);
  });

  it('with more informational ones than anybody needs', async () => {
    const { client } = await behind((c, stream) => {
      for (let i = 0; i < 17; i++) c.head(stream, [[':status', '103']]);
      ok(c, stream);
    });
    client.send(GET);
    await client.until((received) => received.includes(' 502 '));
    expect(client.received().match(/ 103 /g)).toHaveLength(16);
  });
});

it.each([
  ['less', 'c'],
  ['more', 'cde'],
])('an answer that turns out to have %s than its length is cut [R63]', async (_, rest) => {
  let connection: FrameConnection | null = null;
  const { client } = await behind((c, stream) => {
    connection = c;
    c.head(stream, [
      [':status', '200'],
      ['content-length', '4'],
    ]);
    c.send(data(stream, 'ab'));
  }, NO_RETRIES);
  client.send(GET);
  await client.until((received) => received.endsWith('ab'));
  (connection as unknown as FrameConnection).send(data(1, rest, END_STREAM));
  // A reset right behind data is an end to some clients; the length tells them.
  await client.ended();
  expect(client.received()).not.toContain('abcd');
});

describe('a connection that is no good', () => {
  it('because nobody there speaks HTTP/2 is as good as none: any request is made elsewhere', async () => {
    const other = await startHttp2Backend();
    const backend = await startFrameBackend(() => {}, { greeting: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') });
    const { port } = await startProxy({
      backends: [backend.origin, other.origin],
      upstream: { protocol: 'h2c', balance: 'first' },
    });
    const client = await connectRaw(port);
    client.send(POST);
    expect((await client.next()).body).toBe('ok');
  });

  it('because nobody answers any more costs one request its time, and no other', async () => {
    let deaf = false;
    const backend = await startFrameBackend(
      (c, got) => {
        if (got.type === HEADERS && !(deaf && c.index === 0)) ok(c, got.stream);
      },
      { deaf: () => deaf },
    );
    const { port } = await startProxy({
      backends: [backend.origin],
      upstream: { protocol: 'h2c', retry: { attempts: 0 }, timeouts: { response_header: '200ms' } },
    });
    const client = await connectRaw(port);
    client.send(GET);
    await client.next();
    deaf = true;
    client.send(GET);
    expect((await client.next()).startLine).toBe('HTTP/1.1 504 Gateway Timeout');
    client.send(GET);
    expect((await client.next()).startLine).toBe('HTTP/1.1 200 OK');
    expect(backend.connections()).toBe(2);
  });

  it('is kept when only one stream was slow, for it answers to PING', async () => {
    const { client, backend } = await behind((c, stream) => stream !== 1 && ok(c, stream), {
      ...NO_RETRIES,
      timeouts: { response_header: '200ms' },
    });
    client.send(GET);
    expect((await client.next()).startLine).toBe('HTTP/1.1 504 Gateway Timeout');
    await backend.until(() => backend.frames.find(({ type, flags }) => type === PING && !(flags & ACK)) ?? null);
    client.send(GET);
    expect((await client.next()).startLine).toBe('HTTP/1.1 200 OK');
    client.send(GET);
    expect((await client.next()).startLine).toBe('HTTP/1.1 200 OK');
    expect(backend.frames.some(({ connection, stream }) => connection === 0 && stream > 1)).toBe(true);
  });

  it('because it allows no streams is answered with 504, and tried again later', async () => {
    const backend = await startFrameBackend(() => {}, { settings: [[3, 0]] });
    const { port } = await startProxy({
      backends: [backend.origin],
      upstream: { protocol: 'h2c', retry: { attempts: 0 }, timeouts: { connect: '200ms' } },
    });
    const client = await connectRaw(port);
    client.send(GET);
    expect((await client.next()).startLine).toBe('HTTP/1.1 504 Gateway Timeout');
    client.send(GET);
    expect((await client.next()).startLine).toBe('HTTP/1.1 504 Gateway Timeout');
    expect(backend.connections()).toBe(1);
  });

  it('loses nothing that had come whole when it breaks, however slowly the client reads', {
    timeout: 20_000,
  }, async () => {
    const watch = createWatch();
    const chunk = Buffer.alloc(16_000, 'x');
    let window = 65_535;
    let sent = 0;
    let connection: FrameConnection | null = null;
    const fill = () => {
      // The last frame, which ends the stream, must always fit.
      while (connection !== null && window >= chunk.length + 1) {
        connection.send(frame(DATA, 0, 1, chunk));
        window -= chunk.length;
        sent += chunk.length;
      }
      watch.notify();
    };
    const backend = await startFrameBackend((c, got) => {
      if (got.type === HEADERS) {
        connection = c;
        c.head(1, [[':status', '200']]);
      } else if (got.type === WINDOW_UPDATE && got.stream === 1) {
        window += got.payload.readUInt32BE();
      }
      fill();
    });
    const { port } = await startProxy({ backends: [backend.origin], upstream: { protocol: 'h2c' } });
    const client = connect({ port, host: '127.0.0.1' });
    onTestFinished(() => void client.destroy());
    client.write('GET / HTTP/1.0\r\nhost: a\r\n\r\n');
    // Nothing is read, so at some time no more is taken; if that is found too early, the test is only easier to pass.
    await watch.until(
      () => (sent > 4_000_000 ? true : null),
      () => `only ${sent} bytes were taken`,
    );
    for (let last = -1; last < sent; await new Promise((resolve) => setTimeout(resolve, 300))) last = sent;
    const done = connection as unknown as FrameConnection;
    connection = null;
    done.send(frame(DATA, END_STREAM, 1, Buffer.from('.')));
    await new Promise((resolve) => setTimeout(resolve, 300));
    done.reset();
    await new Promise((resolve) => setTimeout(resolve, 300));
    let received = 0;
    let tail = '';
    for await (const bytes of client as AsyncIterable<Buffer>) {
      received += bytes.length;
      tail = bytes.toString('latin1').slice(-1);
    }
    expect(tail).toBe('.');
    expect(received).toBeGreaterThan(sent);
  });
});

it('whatever backends and clients do to each other, no request stays in flight', { timeout: 20_000 }, async () => {
  const fates: ((c: FrameConnection, stream: number) => void)[] = [
    ok,
    ok,
    (c, stream) => {
      c.head(stream, [[':status', '200']]);
      c.send(data(stream, 'body'), data(stream, '', END_STREAM));
    },
    (c, stream) => {
      c.head(stream, [[':status', '200']]);
      c.send(data(stream, 'part'), reset(stream, NO_ERROR));
    },
    (c, stream) => c.send(reset(stream, REFUSED_STREAM)),
    (c, stream) => c.send(reset(stream, INTERNAL_ERROR)),
    (c, stream) => c.head(stream, [['x', 'y']], END_STREAM),
    (c, stream) => c.head(stream, [[':status', '503']], END_STREAM),
    (c, stream) => c.head(stream, [[':status', '200']]),
    () => {},
    (c, stream) => c.finish(goaway(stream)),
    (c) => c.reset(),
  ];
  let n = 0;
  const start = () =>
    startFrameBackend((c, got) => {
      if (got.type === HEADERS) fates[(n++ * 7) % fates.length]?.(c, got.stream);
    });
  const { port, adminPort } = await startProxy({
    backends: [(await start()).origin, (await start()).origin],
    upstream: { protocol: 'h2c', timeouts: { response_header: '300ms', idle: '300ms', connect: '2s' } },
    admin: true,
  });
  const requests = Array.from({ length: 240 }, async (_, i) => {
    const leaves = i % 5 === 0 ? AbortSignal.timeout(i % 50) : null;
    const answer = await fetch(`http://127.0.0.1:${port}/${i}`, {
      signal: leaves,
      ...(i % 3 === 0 ? { method: 'POST', body: 'x'.repeat(i * 100) } : {}),
    });
    return answer.text();
  });
  await Promise.allSettled(requests);
  await expect
    .poll(async () => {
      const health = await fetch(`http://127.0.0.1:${adminPort}/health/app`);
      const { backends } = (await health.json()) as { backends: { in_flight: number; requests_total: number }[] };
      return backends.map(({ in_flight }) => in_flight);
    })
    .toEqual([0, 0]);
});
