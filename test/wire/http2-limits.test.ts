/** What one HTTP/2 connection may cost: streams, heads, windows and time. */

import { describe, expect, it } from 'vitest';
import { connectHttp2, startHttp2Proxy } from '../support/http2-client.ts';
import {
  block,
  CONTINUATION,
  connectFrames,
  DATA,
  END_HEADERS,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  frame,
  GOAWAY,
  HEADERS,
  INTERNAL_ERROR,
  NO_ERROR,
  PING,
  PREFACE,
  PUSH_PROMISE,
  REFUSED_STREAM,
  RST_STREAM,
  request,
  SETTINGS,
  uint32,
  WINDOW_UPDATE,
} from '../support/http2-frames.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { silent, startRecordingBackend } from '../support/recording-backend.ts';

const SETTINGS_MAX_STREAMS = 3;
const SETTINGS_ENABLE_CONNECT = 8;
const SETTINGS_MAX_HEADER_LIST = 6;

it('the client is told our limits first, and that no tunnels open [R75]', async () => {
  const { port } = await startHttp2Proxy();
  const client = await connectFrames(port);
  const { payload } = await client.next(({ type }) => type === SETTINGS);
  const settings = new Map<number, number>();
  for (let pos = 0; pos < payload.length; pos += 6)
    settings.set(payload.readUInt16BE(pos), payload.readUInt32BE(pos + 2));
  expect(settings.get(SETTINGS_MAX_STREAMS)).toBe(100);
  expect(settings.get(SETTINGS_MAX_HEADER_LIST)).toBe(2 * 16_384 + 32 * 100);
  expect(settings.get(SETTINGS_ENABLE_CONNECT) ?? 0).toBe(0);
});

it('streams beyond the limit are refused, so that they can be sent again [R70 F55]', async () => {
  const { port, backend } = await startHttp2Proxy({}, silent);
  // A client that has not heard of the limit yet.
  const client = await connectFrames(port, { deaf: true });
  for (let i = 0; i < 110; i++) client.open(2 * i + 1, request(`/${i}`));
  for (let i = 100; i < 110; i++) expect(await client.resetCode(2 * i + 1)).toBe(REFUSED_STREAM);
  await backend.watch.until(
    () => (backend.requests.length === 100 ? true : null),
    () => `${backend.requests.length} requests came`,
  );
  expect(client.frames.filter(({ type }) => type === RST_STREAM).length).toBe(10);
  expect(client.isClosed()).toBe(false);
});

it('requests of one connection are begun a few per turn, and all of them', async () => {
  const { port, backend } = await startHttp2Proxy({ listener: { limits: { pipelined: 4 } } });
  const client = await connectFrames(port);
  for (let i = 0; i < 60; i++) client.open(2 * i + 1, request(`/${i}`));
  for (let i = 0; i < 60; i++) expect(await client.status(2 * i + 1)).toBe(200);
  expect(backend.requests.length).toBe(60);
});

it('nothing is ever pushed [R74]', async () => {
  const { port } = await startHttp2Proxy({}, ({ connection }) =>
    connection.socket.write('HTTP/1.1 200 OK\r\nLink: </a.css>; rel=preload\r\nContent-Length: 0\r\n\r\n'),
  );
  const client = await connectFrames(port);
  client.open(1, request('/'));
  await client.ended(1);
  expect(client.frames.filter(({ type }) => type === PUSH_PROMISE)).toEqual([]);
});

describe('time: nobody waits for ever', () => {
  it('for the preface', async () => {
    // The first octet told HTTP/2 from HTTP/1; the rest of the preface has the time of a head.
    const { port } = await startHttp2Proxy({ listener: { timeouts: { handshake: '300ms', header: '300ms' } } });
    const client = await connectFrames(port, { silent: true });
    client.send(PREFACE.subarray(0, 20));
    await client.closed();
  });

  it('for the settings behind the preface', async () => {
    const { port } = await startHttp2Proxy({ listener: { timeouts: { handshake: '300ms' } } });
    const client = await connectFrames(port, { silent: true });
    client.send(PREFACE);
    await client.closed();
  });

  it('for a first request, and between two', async () => {
    const { port } = await startHttp2Proxy({ listener: { timeouts: { idle: '400ms' } } });
    const client = await connectFrames(port);
    client.open(1, request('/'));
    expect(await client.status(1)).toBe(200);
    expect(await client.goawayCode()).toBe(NO_ERROR);
    await client.closed();
  });

  it.each([
    ['in HEADERS', (whole: Buffer) => frame(HEADERS, END_STREAM, 1, whole.subarray(0, 20))],
    ['inside the frame', (whole: Buffer) => frame(HEADERS, END_STREAM | END_HEADERS, 1, whole).subarray(0, 25)],
  ])('for a head that never ends, %s [F63]', async (_name, begin) => {
    const { port, serves } = await startHttp2Proxy({ listener: { timeouts: { header: '600ms' } } });
    const client = await connectFrames(port, { deaf: true });
    await client.next(({ type, flags }) => type === SETTINGS && flags === 1);
    client.send(begin(block(request('/x'))));
    await client.closed();
    expect(await client.goawayCode()).toBe(ENHANCE_YOUR_CALM);
    await serves();
  });

  it('but a head that was refused is no head that never ends', async () => {
    const { port } = await startHttp2Proxy({ listener: { timeouts: { header: '600ms', idle: '3s' } } });
    const client = await connectFrames(port);
    client.open(1, request('/x', [['connection', 'close']]));
    await client.resetCode(1);
    expect(await client.goawayCode()).toBe(NO_ERROR);
  });

  it('for a client that is gone without a word, with requests under way or without', async () => {
    const { port } = await startHttp2Proxy(
      { listener: { timeouts: { header: '600ms', write_stall: '600ms' } } },
      silent,
    );
    const busy = await connectFrames(port, { deaf: true });
    busy.open(1, request('/x'));
    const idle = await connectFrames(port, { deaf: true });
    await busy.closed();
    await idle.closed();
  });

  it('but long for one that answers', async () => {
    const { port, backend } = await startHttp2Proxy(
      { listener: { timeouts: { header: '600ms', write_stall: '600ms', idle: '1s' } } },
      silent,
    );
    const client = await connectFrames(port);
    client.open(1, request('/x'));
    // Asked once after a silence, then again at half of the idle time.
    for (let asked = 1; asked <= 3; asked++) {
      await client.next((f) => client.frames.filter(({ type }) => type === PING).indexOf(f) === asked - 1);
    }
    backend.requests[0]?.connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect(await client.status(1)).toBe(200);
  });

  it('for a body [F63]', async () => {
    const { port, backend } = await startHttp2Proxy({ listener: { timeouts: { body_idle: '300ms' } } });
    const client = await connectFrames(port);
    client.open(1, request('/x', [['content-length', '10']], 'POST'), 0);
    client.send(frame(DATA, 0, 1, Buffer.from('half')));
    expect(await client.status(1)).toBe(408);
    await client.ended(1);
    expect(backend.requests).toEqual([]);
    expect(client.isClosed()).toBe(false);
  });
});

describe('a client that does not read [F59]', () => {
  const LARGE = 2_000_000;
  const large = `HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n${'x'.repeat(LARGE)}`;

  it('holds its backend back, and is reset in the end', async () => {
    const { port, backend, serves } = await startHttp2Proxy({ listener: { timeouts: { write_stall: '500ms' } } });
    const echo = backend.respond;
    backend.respond = (seen) => {
      if (seen.startLine.includes('/large')) seen.connection.socket.write(large);
      else echo(seen);
    };
    const client = await connectFrames(port);
    client.open(1, request('/large'));
    const reset = await client.next(({ type, stream }) => type === RST_STREAM && stream === 1);
    expect(reset.payload.readUInt32BE()).toBe(INTERNAL_ERROR);
    expect(client.body(1).length).toBeLessThanOrEqual(65_535);
    expect(client.frames.some(({ type, flags }) => type === DATA && (flags & END_STREAM) !== 0)).toBe(false);
    // What the proxy did not take stayed with the backend.
    expect(backend.connections[0]?.socket.bytesWritten).toBeGreaterThan(0);
    client.open(3, request('/next'), END_STREAM);
    expect(await client.status(3)).toBe(200);
    await serves();
  });

  it('with no window at all: small answers end as well', async () => {
    const { port, serves } = await startHttp2Proxy({ listener: { timeouts: { write_stall: '500ms' } } });
    const client = await connectFrames(port, { settings: [[4, 0]] });
    for (let i = 0; i < 10; i++) client.open(2 * i + 1, request('/x'));
    for (let i = 0; i < 10; i++) {
      expect(await client.status(2 * i + 1)).toBe(200);
      await client.resetCode(2 * i + 1);
    }
    await serves();
  });

  it('until it does: then it gets everything', async () => {
    const { port } = await startHttp2Proxy({}, ({ connection }) => connection.socket.write(large));
    const client = await connectFrames(port);
    client.open(1, request('/large'));
    await client.next(({ type, stream }) => type === DATA && stream === 1);
    client.send(frame(WINDOW_UPDATE, 0, 0, uint32(LARGE)), frame(WINDOW_UPDATE, 0, 1, uint32(LARGE)));
    await client.ended(1);
    expect(client.body(1).length).toBe(LARGE);
  });
});

it('a slow upload is held back by the backend, not kept [F66]', async () => {
  const { port, backend } = await startHttp2Proxy({}, silent);
  const client = await connectFrames(port);
  client.open(1, request('/x', [], 'POST'), 0);
  client.send(...Array.from({ length: 3 }, () => frame(DATA, 0, 1, Buffer.alloc(16_384))));
  await backend.watch.until(
    () => ((backend.connections[0]?.received.length ?? 0) > 3 * 16_384 ? true : null),
    () => 'the body never came',
  );
  // The backend has taken it all, so the window opens again.
  await client.next(({ type, stream }) => type === WINDOW_UPDATE && stream === 1);
});

describe('a graceful stop [R72 F91]', () => {
  it('says GOAWAY twice: first that nothing is lost, then where the line is', async () => {
    const { port, backend, app } = await startDraining();
    const client = await connectFrames(port);
    client.open(1, request('/under-way'));
    await backend.watch.until(
      () => backend.requests[0] ?? null,
      () => 'never came',
    );
    app.stop();
    const first = await client.next(({ type }) => type === GOAWAY);
    expect([first.payload.readUInt32BE() & 0x7fffffff, first.payload.readUInt32BE(4)]).toEqual([2 ** 31 - 1, NO_ERROR]);
    await client.next((f) => f.type === GOAWAY && f !== first);
    const second = client.frames.filter(({ type }) => type === GOAWAY)[1];
    expect([second?.payload.readUInt32BE(), second?.payload.readUInt32BE(4)]).toEqual([1, NO_ERROR]);
    backend.requests[0]?.connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast');
    expect(await client.status(1)).toBe(200);
    await client.ended(1);
    expect(client.body(1)).toBe('last');
    await client.closed();
    expect(await app.exited).toBe(0);
  });

  it('takes no notice of a client that does not answer', async () => {
    const { port, app } = await startDraining();
    const client = await connectFrames(port, { deaf: true });
    await client.next(({ type }) => type === SETTINGS);
    app.stop();
    await client.closed();
    expect(await app.exited).toBe(0);
  });

  async function startDraining() {
    const backend = await startRecordingBackend(silent);
    const { port, app } = await startProxy({
      listener: { cleartext_http2: true },
      backends: [backend.url],
      drain: { delay: '0s', timeout: '5s' },
    });
    return { port, backend, app };
  }
});

it('ends by GOAWAY when the client says so, and its requests are answered', async () => {
  const { port, backend } = await startHttp2Proxy({}, silent);
  const client = await connectFrames(port);
  client.open(1, request('/'));
  await backend.watch.until(
    () => backend.requests[0] ?? null,
    () => 'never came',
  );
  client.send(frame(GOAWAY, 0, 0, Buffer.concat([uint32(0), uint32(NO_ERROR)])));
  backend.requests[0]?.connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  await client.ended(1);
  expect(client.body(1)).toBe('ok');
  await client.closed();
});

it('a client of HTTP/1 is served on the same port [F62]', async () => {
  const { port } = await startHttp2Proxy();
  const raw = await connectRaw(port);
  raw.send('GET /one HTTP/1.1\r\nHost: a.example\r\n\r\n');
  expect((await raw.next()).body).toBe('GET /one');
  expect((await connectHttp2(`http://127.0.0.1:${port}`).get('/two')).body).toBe('GET /two');
});

it('the preface of HTTP/2 is no request of HTTP/1 [F62]', async () => {
  const { port } = await startHttp2Proxy({ listener: { cleartext_http2: false } });
  const client = await connectFrames(port, { silent: true });
  client.send(PREFACE);
  await client.closed();
});

it('CONTINUATION may carry the rest of a head', async () => {
  const { port } = await startHttp2Proxy();
  const client = await connectFrames(port);
  const whole = block(request('/split'));
  client.send(
    frame(HEADERS, END_STREAM, 1, whole.subarray(0, 10)),
    frame(CONTINUATION, END_HEADERS, 1, whole.subarray(10)),
  );
  expect(await client.status(1)).toBe(200);
  await client.ended(1);
  expect(client.body(1)).toBe('GET /split');
});
