/** Answers to clients of HTTP/2: whole ones, early ones, broken ones, and those that we give ourselves. */

import { describe, expect, it } from 'vitest';
import { connectHttp2, startHttp2Proxy } from '../support/http2-client.ts';
import { connectFrames, DATA, frame, INTERNAL_ERROR, NO_ERROR, RST_STREAM, request } from '../support/http2-frames.ts';
import { startProxy } from '../support/proxy.ts';
import { type RecordedRequest, silent } from '../support/recording-backend.ts';

/** Answers every request with these bytes. */
const saying =
  (...parts: readonly string[]) =>
  ({ connection }: RecordedRequest) => {
    for (const part of parts) connection.socket.write(part, 'latin1');
  };

async function ask(respond: (request: RecordedRequest) => void, fields: Record<string, string> = {}) {
  const { port } = await startHttp2Proxy({}, respond);
  return connectHttp2(`http://127.0.0.1:${port}`).request({ ':path': '/', ...fields });
}

describe('an answer crosses', () => {
  it('with a length', async () => {
    const answer = await ask(saying('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-A: b\r\n\r\nbody'));
    expect(answer).toMatchObject({ status: 200, body: 'body', code: NO_ERROR });
    expect(answer.headers).toMatchObject({ 'content-length': '4', 'x-a': 'b' });
    expect(answer.headers['x-request-id']).toMatch(/./);
    expect(answer.headers.date).toMatch(/GMT$/);
  });

  it('in chunks, without their framing', async () => {
    const answer = await ask(
      saying('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '3\r\nabc\r\n', '2\r\nde\r\n0\r\nx-t: 1\r\n\r\n'),
    );
    expect(answer).toMatchObject({ status: 200, body: 'abcde', code: NO_ERROR, trailers: {} });
    expect(answer.headers).not.toHaveProperty('transfer-encoding');
  });

  it('until the backend closes', async () => {
    const answer = await ask(({ connection }) => connection.socket.end('HTTP/1.1 200 OK\r\n\r\nto the end'));
    expect(answer).toMatchObject({ status: 200, body: 'to the end', code: NO_ERROR });
  });

  it.each([
    ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n', 200],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n', 304],
    ['no content', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
  ])('without a body: %s', async (_name, method, text, status) => {
    expect(await ask(saying(text), { ':method': method })).toMatchObject({ status, body: '', code: NO_ERROR });
  });

  it('with each cookie a field of its own, in order [F33]', async () => {
    const answer = await ask(
      saying('HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\nSet-Cookie: b=2\r\nSet-Cookie: c=3\r\n\r\n'),
    );
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2', 'c=3']);
  });

  it('although a field stands twice that should stand once', async () => {
    const answer = await ask(
      saying(
        'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nEtag: "1"\r\nEtag: "2"\r\nContent-Length: 0\r\n\r\n',
      ),
    );
    expect(answer.headers).toMatchObject({ ':status': 200, 'content-type': 'a/b', etag: '"1"' });
  });

  it('behind informational ones [R79]', async () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n';
    const answer = await ask(saying(hint, hint, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    expect(answer).toMatchObject({ status: 200, informational: [103, 103], body: 'ok' });
  });

  it('with as large a head as a backend may send, and the connection lives', async () => {
    const { port } = await startHttp2Proxy({}, (request) => {
      const large = request.startLine.includes('/large') ? `X-Large: ${'~'.repeat(60_000)}\r\n` : '';
      request.connection.socket.write(`HTTP/1.1 200 OK\r\n${large}Content-Length: 0\r\n\r\n`);
    });
    const client = connectHttp2(`http://127.0.0.1:${port}`);
    expect((await client.get('/small')).status).toBe(200);
    // Node's client has a limit of its own; ours is what matters here.
    await client.get('/large').catch(() => {});
    expect((await client.get('/small')).status).toBe(200);
  });

  it('of several megabytes, whole', async () => {
    const body = 'x'.repeat(3_000_000);
    const answer = await ask(saying(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`, body));
    expect(answer.code).toBe(NO_ERROR);
    expect(answer.body === body).toBe(true);
  });
});

describe('a request body', () => {
  it('of several megabytes crosses whole, with its length', async () => {
    const { port, backend } = await startHttp2Proxy();
    const body = Buffer.alloc(3_000_000, 'y');
    const client = connectHttp2(`http://127.0.0.1:${port}`);
    const answer = await client.request(
      { ':method': 'POST', ':path': '/', 'content-length': String(body.length) },
      body,
    );
    expect(answer.status).toBe(200);
    expect(backend.requests[0]?.body === body.toString()).toBe(true);
    expect(backend.connections[0]?.received).toContain('content-length: 3000000');
  });

  it('without a length crosses in chunks', async () => {
    const { port, backend } = await startHttp2Proxy();
    const answer = await connectHttp2(`http://127.0.0.1:${port}`).request({ ':method': 'POST', ':path': '/' }, 'abc');
    expect(answer.status).toBe(200);
    expect(backend.requests[0]?.body).toBe('abc');
    expect(backend.connections[0]?.received).toContain('transfer-encoding: chunked');
  });

  it('is asked for when the client waits to be', async () => {
    const { port } = await startHttp2Proxy();
    const client = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = client.session.request({ ':method': 'POST', ':path': '/', expect: '100-continue' });
    await new Promise((resolve) => stream.once('continue', resolve));
    stream.end('body');
    const [fields] = await new Promise<unknown[]>((resolve) => stream.once('response', (...args) => resolve(args)));
    expect(fields).toMatchObject({ ':status': 200 });
  });

  it('too large is answered, and the rest of it is stopped [F21]', async () => {
    const { port, serves } = await startHttp2Proxy({ listener: { limits: { body_bytes: '100KiB' } } });
    const client = connectHttp2(`http://127.0.0.1:${port}`);
    const answer = await client.request({ ':method': 'POST', ':path': '/' }, Buffer.alloc(3_000_000));
    expect(answer).toMatchObject({ status: 413, code: NO_ERROR });
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'body_too_large' });
    await serves();
  });

  it('that its answer does not wait for is stopped once the answer is whole [R62]', async () => {
    const early = saying('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    const setting = await startHttp2Proxy({}, silent);
    const client = await connectFrames(setting.port);
    client.open(1, request('/x', [], 'POST'), 0);
    client.send(frame(DATA, 0, 1, Buffer.from('begun')));
    const connection = await setting.backend.watch.until(
      () => setting.backend.connections.find(({ received }) => received.includes('begun')) ?? null,
      () => 'the body never reached the backend',
    );
    early({ connection } as RecordedRequest);
    expect(await client.status(1)).toBe(403);
    expect(await client.resetCode(1)).toBe(NO_ERROR);
    expect(client.body(1)).toBe('no');
    const order = client.frames.filter(({ stream }) => stream === 1).map(({ type }) => type);
    expect(order.at(-1)).toBe(RST_STREAM);
  });
});

describe('a broken answer never looks whole [R62 F74]', () => {
  it.each([
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['chunks, one cut', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf'],
  ])('%s', async (_name, text) => {
    const setting = await startHttp2Proxy({}, ({ startLine, connection }) => {
      if (startLine.includes('/victim'))
        saying('HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nGET /victim')({ connection } as RecordedRequest);
      else connection.socket.end(text);
    });
    const client = await connectFrames(setting.port);
    client.open(1, request('/'));
    expect(await client.resetCode(1)).toBe(INTERNAL_ERROR);
    expect(client.frames.some(({ type, stream, flags }) => type === DATA && stream === 1 && (flags & 1) === 1)).toBe(
      false,
    );
    await setting.serves();
  });

  it('a malformed head is answered for with 502 [F76]', async () => {
    const answer = await ask(saying('HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n'));
    expect(answer).toMatchObject({ status: 502, code: NO_ERROR });
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'bad_gateway' });
  });
});

describe('answers of our own', () => {
  it('have no body for HEAD', async () => {
    const { port } = await startHttp2Proxy({ listener: { routes: [{ path: '/only', upstream: 'app' }] } });
    const client = connectHttp2(`http://127.0.0.1:${port}`);
    const head = await client.request({ ':method': 'HEAD', ':path': '/' });
    expect(head).toMatchObject({ status: 404, body: '' });
    expect(Number(head.headers['content-length'])).toBeGreaterThan(0);
    expect(JSON.parse((await client.get('/')).body)).toMatchObject({ error: 'no_route' });
    expect(await client.request({ ':method': 'OPTIONS', ':path': '*' })).toMatchObject({ status: 204, body: '' });
  });

  it('are trailers alone for gRPC', async () => {
    const proxy = await startProxy({ listener: { cleartext_http2: true }, backends: ['http://127.0.0.1:1'] });
    const client = connectHttp2(`http://127.0.0.1:${proxy.port}`);
    const fields = { ':method': 'POST', ':path': '/a.B/C', 'content-type': 'application/grpc+proto', te: 'trailers' };
    const answer = await client.request(fields, 'x');
    expect(answer.headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' });
    expect(answer.body).toBe('');
  });
});

it('a client that gives up ends the work for it within a turn, and is nobody’s failure [F82]', async () => {
  const { port, backend, serves } = await startHttp2Proxy({}, silent);
  const client = await connectFrames(port);
  client.open(1, request('/slow'));
  await backend.watch.until(
    () => backend.requests[0] ?? null,
    () => 'never came',
  );
  client.send(frame(RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8])));
  await backend.watch.until(
    () => (backend.connections[0]?.gone ? true : null),
    () => 'the backend still works for it',
  );
  backend.respond = saying('HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nGET /victim');
  await serves();
});
