/** HTTP/2 backends that break off, refuse, or make no sense: what the client gets, and whether the request is made again. */

import { describe, expect, it } from 'vitest';
import { startHttp2Backend } from '../support/http2-backend.ts';
import { type FrameConnection, startFrameBackend } from '../support/http2-frame-backend.ts';
import {
  CANCEL,
  DATA,
  END_STREAM,
  type Frame,
  frame,
  GOAWAY,
  HEADERS,
  INTERNAL_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  RST_STREAM,
  uint32,
} from '../support/http2-frames.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi';

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
