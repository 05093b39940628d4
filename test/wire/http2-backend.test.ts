/** HTTP/2 towards backends: what a request becomes, and what an answer does, in the form of HTTP/1 clients. */

import { describe, expect, it } from 'vitest';
import { answerOk, type OnStream, startHttp2Backend } from '../support/http2-backend.ts';
import { connectHttp2 } from '../support/http2-client.ts';
import type { Message } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';

const H2C = { protocol: 'h2c' };
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

async function behind(onStream: OnStream = answerOk, upstream: object = {}) {
  const backend = await startHttp2Backend(onStream);
  const { port } = await startProxy({ backends: [backend.origin], upstream: { ...H2C, ...upstream } });
  return { backend, port, client: await connectRaw(port) };
}

/** Sends a request and reads its answer. */
async function ask(client: RawClient, request = GET, method = 'GET'): Promise<Message> {
  client.send(request);
  return client.next(method);
}

const valuesOf = ({ headers }: Message, name: string) =>
  headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);

describe('a request to an HTTP/2 backend', () => {
  it('becomes a field list in lower case, with our fields and none of the connection [R66 R38]', async () => {
    const { backend, client } = await behind();
    const answer = await ask(
      client,
      'GET /a?b=c HTTP/1.1\r\nHost: Example.COM\r\nX-Two: 1\r\nX-Two: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nUpgrade: h2c\r\n\r\n',
    );
    expect(answer.startLine).toBe('HTTP/1.1 200 OK');
    expect(answer.body).toBe('ok');
    const [stream] = backend.streams;
    expect(stream?.headers).toMatchObject({
      ':method': 'GET',
      ':path': '/a?b=c',
      ':scheme': 'http',
      ':authority': 'example.com',
      'x-forwarded-for': '127.0.0.1',
      via: '1.1 pulsegate',
    });
    expect(stream?.list.filter((_, i, list) => list[i - 1] === 'x-two')).toEqual(['1', '2']);
    const names = stream?.list.filter((_, i) => i % 2 === 0) ?? [];
    for (const name of ['x-hop', 'connection', 'te', 'upgrade', 'host']) expect(names).not.toContain(name);
    expect(stream?.ended).toBe(true);
  });

  it('keeps its content-length, or has none when it came in chunks [R63]', async () => {
    const { backend, client } = await behind();
    await ask(client, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello');
    await ask(client, 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n');
    await ask(client, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n');
    expect(backend.streams.map(({ headers, body }) => [headers['content-length'], body])).toEqual([
      ['5', 'hello'],
      [undefined, 'world'],
      ['0', ''],
    ]);
  });

  it('may name a field twice that stands once: the first counts', async () => {
    const { backend, client } = await behind();
    await ask(client, 'GET / HTTP/1.1\r\nhost: a\r\nuser-agent: one\r\nuser-agent: two\r\n\r\n');
    expect(backend.streams[0]?.headers['user-agent']).toBe('one');
  });

  it('names the authority that host says', async () => {
    const { backend, client } = await behind(answerOk, { host: 'backend' });
    await ask(client);
    expect(backend.streams[0]?.headers[':authority']).toBe(backend.origin.slice('http://'.length));
  });
});

describe('an answer of an HTTP/2 backend', () => {
  it('keeps its length, the order of its cookies, and none of our own fields', async () => {
    const { client } = await behind((stream) => {
      stream.respond({
        'content-length': 2,
        'set-cookie': ['a=1', 'b=2'],
        'endpoint-load-metrics': 'TEXT cpu_utilization=0.3',
        'x-pulsegate-drain': '1',
        'x-request-id': 'theirs',
      });
      stream.end('ok');
    });
    const answer = await ask(client);
    expect(valuesOf(answer, 'content-length')).toEqual(['2']);
    expect(valuesOf(answer, 'set-cookie')).toEqual(['a=1', 'b=2']);
    expect(valuesOf(answer, 'x-request-id')).not.toEqual(['theirs']);
    for (const name of ['endpoint-load-metrics', 'x-pulsegate-drain']) expect(valuesOf(answer, name)).toEqual([]);
  });

  it('is sent in chunks when it has no length, and its trailers go no further than HTTP/2', async () => {
    const { client } = await behind((stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-last': '1' }));
      stream.end('body');
    });
    const answer = await ask(client);
    expect(valuesOf(answer, 'transfer-encoding')).toEqual(['chunked']);
    expect(answer.body).toBe('body');
    expect(client.received()).not.toContain('x-last');
  });

  it.each([
    ['to HEAD', 'HEAD', { ':status': 200, 'content-length': 7 }, ['7']],
    ['204', 'GET', { ':status': 204 }, []],
    ['304', 'GET', { ':status': 304 }, []],
    ['whose head ends the stream', 'GET', { ':status': 200 }, ['0']],
  ] as const)('%s has no body, and the connection goes on', async (_, method, head, lengths) => {
    const { client } = await behind((stream) => stream.respond(head, { endStream: true }));
    for (let i = 0; i < 2; i++) {
      const answer = await ask(client, `${method} / HTTP/1.1\r\nhost: a\r\n\r\n`, method);
      expect(valuesOf(answer, 'content-length')).toEqual(lengths);
      expect(answer.body).toBe('');
    }
  });

  it('may be preceded by informational ones, which are passed on', async () => {
    const { client } = await behind((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
      answerOk(stream, {} as never);
    });
    client.send(GET);
    await client.until((received) => received.endsWith('0\r\n\r\n'));
    expect(client.received()).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200/,
    );
  });

  it('may come before the request is whole, which is then given up', async () => {
    const { backend, client } = await behind((stream) => {
      stream.respond({ ':status': 413, 'content-length': 3 });
      stream.end('no!');
    });
    client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nstart');
    const answer = await client.next('POST');
    expect(answer.startLine).toMatch(/^HTTP\/1\.1 413 /);
    await backend.until(() => backend.streams[0]?.closedWith ?? null);
  });

  it('of any size passes both ways at the speed of whoever is slower [F66]', async () => {
    const { port } = await behind((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const body = Buffer.alloc(8_388_608, 'abcdefghij');
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body });
    expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
  });
});

describe('connections to an HTTP/2 backend', () => {
  /** Requests that are held until `release`. */
  function holding() {
    const held: (() => void)[] = [];
    const onStream: OnStream = (stream, recorded) => {
      held.push(() => answerOk(stream, recorded));
    };
    return { held, onStream, release: () => held.splice(0).forEach((answer) => void answer()) };
  }

  it('carry as many streams as the backend allows, and there are as many as that takes', async () => {
    const { held, onStream, release } = holding();
    const backend = await startHttp2Backend(onStream, { settings: { maxConcurrentStreams: 2 } });
    const { port } = await startProxy({ backends: [backend.origin], upstream: H2C });
    const answers = Array.from({ length: 5 }, async () => ask(await connectRaw(port)));
    await backend.until(() => (held.length === 5 ? true : null));
    const counts = [0, 1, 2].map((n) => backend.streams.filter(({ session }) => session === n).length);
    expect(counts.toSorted()).toEqual([1, 2, 2]);
    release();
    for (const answer of answers) expect((await answer).body).toBe('ok');
  });

  it('are no more than the limit: whoever comes later waits for a stream', async () => {
    const { held, onStream, release } = holding();
    const backend = await startHttp2Backend(onStream, { settings: { maxConcurrentStreams: 1 } });
    const { port } = await startProxy({
      backends: [backend.origin],
      upstream: { ...H2C, limits: { connections: 1 }, timeouts: { connect: '5s' } },
    });
    const answers = [ask(await connectRaw(port)), ask(await connectRaw(port))];
    await backend.until(() => (held.length === 1 ? true : null));
    release();
    expect((await answers[0])?.body).toBe('ok');
    await backend.until(() => (held.length === 1 ? true : null));
    release();
    expect((await answers[1])?.body).toBe('ok');
    expect(backend.sessions).toHaveLength(1);
  });

  it("that stay full are nobody's failure: the answer is 503", async () => {
    const { held, onStream } = holding();
    const backend = await startHttp2Backend(onStream, { settings: { maxConcurrentStreams: 1 } });
    const { port, adminPort } = await startProxy({
      backends: [backend.origin],
      upstream: { ...H2C, limits: { connections: 1 }, timeouts: { connect: '200ms' } },
      admin: true,
    });
    (await connectRaw(port)).send(GET);
    await backend.until(() => (held.length === 1 ? true : null));
    expect((await ask(await connectRaw(port))).startLine).toBe('HTTP/1.1 503 Service Unavailable');
    const health = await fetch(`http://127.0.0.1:${adminPort}/health/app`);
    expect(await health.json()).toMatchObject({ backends: [{ failures_total: 0, in_flight: 1 }] });
  });

  it('are replaced after so many requests, and those under way end', async () => {
    const { backend, client } = await behind(answerOk, { keepalive: { max_requests: 2 } });
    for (let i = 0; i < 4; i++) expect((await ask(client)).body).toBe('ok');
    expect(backend.streams.map(({ session }) => session)).toEqual([0, 0, 1, 1]);
  });

  it('that we leave lose nothing of what they carry, many at a time', async () => {
    const { backend, port } = await behind(answerOk, { keepalive: { max_requests: 5 }, retry: { attempts: 0 } });
    const clients = await Promise.all(Array.from({ length: 20 }, () => connectRaw(port)));
    for (let i = 0; i < 5; i++) {
      const answers = await Promise.all(clients.map((client) => ask(client)));
      expect(answers.filter(({ body }) => body !== 'ok')).toEqual([]);
    }
    expect(backend.streams).toHaveLength(100);
    expect(backend.sessions).toHaveLength(20);
  });

  it('that the backend is leaving finish what they carry and get nothing new [R72]', async () => {
    const { held, onStream, release } = holding();
    const { backend, client, port } = await behind(onStream);
    const first = ask(client);
    await backend.until(() => (held.length === 1 ? true : null));
    backend.sessions[0]?.goaway(0);
    const second = ask(await connectRaw(port));
    await backend.until(() => (held.length === 2 ? true : null));
    release();
    expect((await first).body).toBe('ok');
    expect((await second).body).toBe('ok');
    expect(backend.streams.map(({ session }) => session)).toEqual([0, 1]);
  });

  it('are closed after idling', async () => {
    const { backend, client } = await behind(answerOk, { keepalive: { idle: '100ms' } });
    expect((await ask(client)).body).toBe('ok');
    await new Promise<void>((resolve) => {
      const [session] = backend.sessions;
      if (session?.destroyed === true) resolve();
      else session?.on('close', () => resolve());
    });
    expect((await ask(client)).body).toBe('ok');
    expect(backend.sessions).toHaveLength(2);
  });
});

it('from HTTP/2 to HTTP/2, heads, informational answers and trailers cross as they are', async () => {
  const backend = await startHttp2Backend((stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
    stream.respond({ ':status': 200, 'x-one': 'a' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-last': '1', 'endpoint-load-metrics': 'TEXT eps=1' }));
    stream.on('end', () => stream.end('body'));
    stream.resume();
  });
  const { port } = await startProxy({
    backends: [backend.origin],
    listener: { cleartext_http2: true },
    upstream: H2C,
  });
  const answer = await connectHttp2(`http://127.0.0.1:${port}`).request({ ':method': 'PUT', ':path': '/x' }, 'hello');
  expect(answer).toMatchObject({ status: 200, informational: [103], body: 'body', code: 0 });
  expect(answer.headers).toMatchObject({ 'x-one': 'a' });
  expect(Object.entries(answer.trailers)).toEqual([['x-last', '1']]);
  expect(backend.streams[0]?.headers).toMatchObject({ ':method': 'PUT', via: '2 pulsegate' });
  expect(backend.streams[0]?.body).toBe('hello');
});
