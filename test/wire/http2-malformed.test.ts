/** Requests of HTTP/2 that are none: their stream is reset, no backend hears of them, and the connection serves on. */

import { describe, expect, it } from 'vitest';
import { startHttp2Proxy } from '../support/http2-client.ts';
import {
  block,
  connectFrames,
  DATA,
  END_HEADERS,
  END_STREAM,
  type Field,
  frame,
  GOAWAY,
  HEADERS,
  PROTOCOL_ERROR,
  RST_STREAM,
  request,
} from '../support/http2-frames.ts';
import { headerOf } from '../support/message-reader.ts';

/** Opens a stream with `fields`; resolves with how it ended once the next one was served. */
async function send(fields: readonly Field[], flags = END_STREAM, ...behind: Buffer[]) {
  const setting = await startHttp2Proxy();
  const client = await connectFrames(setting.port);
  client.open(1, fields, flags);
  client.send(...behind);
  client.open(3, request('/next'));
  expect(await client.status(3)).toBe(200);
  await client.ended(3);
  await setting.serves();
  const { requests, violations } = setting.backend;
  expect(violations).toEqual([]);
  return { client, reached: requests.map(({ startLine }) => startLine) };
}

const SERVED = ['GET /next HTTP/1.1', 'GET /victim HTTP/1.1'];

async function expectReset(fields: readonly Field[], flags = END_STREAM, ...behind: Buffer[]): Promise<void> {
  const { client, reached } = await send(fields, flags, ...behind);
  expect(await client.resetCode(1)).toBe(PROTOCOL_ERROR);
  expect(reached).toEqual(SERVED);
}

const without = (name: string) => request('/x').filter(([field]) => field !== name);
const having = (name: string, value: string) =>
  request('/x').map(([field, old]): Field => [field, field === name ? value : old]);

describe('a malformed head resets its stream and goes nowhere [R62]', () => {
  it.each<[string, readonly Field[]]>([
    ['no :method [R64]', without(':method')],
    ['no :scheme [R64]', without(':scheme')],
    ['no :path [R64]', without(':path')],
    ['no authority at all [R68 F31]', without(':authority')],
    ['an empty :path [R64]', having(':path', '')],
    ['two :method [R64]', [[':method', 'GET'], ...request('/x')]],
    ['two :path [R64]', [[':path', '/y'], ...request('/x')]],
    [
      'a tunnel by extended CONNECT, which was not offered [R75]',
      [[':method', 'CONNECT'], [':protocol', 'websocket'], ...request('/x').slice(1)],
    ],
    ['a late pseudo field [R64]', [...without(':path'), ['accept', 'x'], [':path', '/x']]],
    ['an unknown pseudo field [R64]', [[':unknown', 'x'], ...request('/x')]],
    ['a pseudo field of answers [R64]', [[':status', '200'], ...request('/x')]],
    ['a capital letter in a name [R65]', request('/x', [['X-Upper', 'x']])],
    ['connection [R66]', request('/x', [['connection', 'close']])],
    ['keep-alive [R66]', request('/x', [['keep-alive', 'timeout=5']])],
    ['proxy-connection [R66]', request('/x', [['proxy-connection', 'close']])],
    ['transfer-encoding [R66 F58]', request('/x', [['transfer-encoding', 'chunked']])],
    ['upgrade [R66 F46]', request('/x', [['upgrade', 'h2c']])],
    ['te other than trailers [R66]', request('/x', [['te', 'gzip']])],
    ['a host that differs [R68 F31]', request('/x', [['host', 'b.example']])],
    ['user information in :authority [R68 F31]', having(':authority', 'u@a.example')],
    ['a space in :path [R69 F58]', having(':path', '/a HTTP/1.1')],
    ['a line end in :path [R69 F58]', having(':path', '/a\r\nx: y')],
    ['an authority in :path [F58]', having(':path', 'http://b.example/')],
    ['a space in :method [R69 F58]', having(':method', 'GET /smuggled HTTP/1.1')],
    ['a line end in :authority [R69 F58]', having(':authority', 'a.example\r\nx: y')],
    ['content-length without a body [R63 F58]', request('/x', [['content-length', '5']], 'POST')],
    [
      'content-length twice [R63 F58]',
      request(
        '/x',
        [
          ['content-length', '0'],
          ['content-length', '0'],
        ],
        'POST',
      ),
    ],
    ['a content-length that is none [R63 F58]', request('/x', [['content-length', '+0']], 'POST')],
  ])('%s', (_name, fields) => expectReset(fields));
});

describe('a body of another length than its head says is a stream error [R63 F58]', () => {
  const post = request('/x', [['content-length', '5']], 'POST');

  it('too long: the stream ends, or, from Node 24 on, the connection', async () => {
    const setting = await startHttp2Proxy();
    const client = await connectFrames(setting.port);
    client.open(1, post, 0);
    client.send(frame(DATA, END_STREAM, 1, Buffer.from('123456')));
    const end = await client.next(({ type }) => type === RST_STREAM || type === GOAWAY);
    expect(end.payload.readUInt32BE(end.type === GOAWAY ? 4 : 0)).toBeGreaterThan(0);
    await setting.serves();
    expect(setting.backend.requests.map(({ startLine }) => startLine)).toEqual(['GET /victim HTTP/1.1']);
    expect(setting.backend.violations).toEqual([]);
  });

  it('too short: whatever has reached the backend is not a whole request', async () => {
    const { client, reached } = await send(post, 0, frame(DATA, END_STREAM, 1, Buffer.from('1234')));
    expect(await client.resetCode(1)).toBe(PROTOCOL_ERROR);
    expect(reached).toEqual(SERVED);
  });
});

describe('trailers', () => {
  const post = request('/x', [], 'POST');
  const trailers = (fields: readonly Field[]) => frame(HEADERS, END_STREAM | END_HEADERS, 1, block(fields));
  const body = frame(DATA, 0, 1, Buffer.from('body'));

  it('with pseudo fields are malformed [R64 F20]', () => expectReset(post, 0, body, trailers([[':path', '/y']])));

  it('with fields of the connection are malformed [R66 F20]', () =>
    expectReset(post, 0, body, trailers([['connection', 'close']])));

  it('do not cross [F20]', async () => {
    const setting = await startHttp2Proxy();
    const client = await connectFrames(setting.port);
    client.open(1, post, 0);
    client.send(body, trailers([['x-admin', '1']]));
    expect(await client.status(1)).toBe(200);
    expect(setting.backend.connections[0]?.received).not.toContain('x-admin');
    expect(setting.backend.requests[0]?.body).toBe('body');
  });
});

it.each<[string, Field]>([
  ['a line end in a value', ['x-evil', 'a\r\nx-smuggled: b']],
  ['a line feed in a value', ['x-evil', 'a\nx-smuggled: b']],
  ['a NUL in a value', ['x-evil', 'a\0b']],
  ['a colon in a name', ['x-smuggled:', 'b']],
  ['a line end in a name', ['x\r\nx-smuggled', 'b']],
  ['a space in a name', ['x-smuggled ', 'b']],
  ['white space before a value', ['x-evil', ' b']],
])('%s never reaches a backend [R65 R69 F58]', async (_name, field) => {
  const setting = await startHttp2Proxy();
  const client = await connectFrames(setting.port);
  client.open(1, request('/x', [field]));
  // node:http2 drops such a field, or resets the stream: what matters is that it goes no further.
  await client.next(({ stream }) => stream === 1);
  client.open(3, request('/next'));
  await client.ended(3);
  const received = setting.backend.connections.map((connection) => connection.received).join('');
  expect(received).not.toMatch(/x-evil|x-smuggled/);
  expect(setting.backend.violations).toEqual([]);
});

it('what HTTP/1 would have refused is refused with the same answer', async () => {
  const setting = await startHttp2Proxy();
  const client = await connectFrames(setting.port);
  const cases: readonly (readonly [readonly Field[], number])[] = [
    [request('/a/../b'), 400],
    [request('/a#b'), 400],
    [request('/x', [['x_under', '1']]), 400],
    [request('/x', [], 'TRACE'), 405],
    [request('/x', [], 'get'), 501],
    [request(`/${'a'.repeat(17_000)}`), 414],
    [request('/x', [['x-large', 'a'.repeat(17_000)]]), 431],
    [
      request(
        '/x',
        Array.from({ length: 101 }, (_, i): Field => [`x-${i}`, '']),
      ),
      431,
    ],
    [
      request(
        '/x',
        Array.from({ length: 101 }, (): Field => ['cookie', 'a=b']),
      ),
      431,
    ],
    [request('/x', [['expect', 'x']]), 417],
    [having(':scheme', 'https'), 421],
    [
      [
        [':method', 'CONNECT'],
        [':authority', 'a.example:443'],
      ],
      405,
    ],
  ];
  for (const [index, [fields, status]] of cases.entries()) {
    const stream = 2 * index + 1;
    client.open(stream, fields);
    expect([index, await client.status(stream)]).toEqual([index, status]);
    await client.ended(stream);
  }
  expect(JSON.parse(client.body(1))).toMatchObject({ error: 'bad_request' });
  expect(setting.backend.requests).toEqual([]);
  await setting.serves();
});

it('host is made of :authority, in its normal form, and cookies are joined [R67 R68 F31 F33]', async () => {
  const setting = await startHttp2Proxy();
  const client = await connectFrames(setting.port);
  const crumbs: Field[] = [
    ['cookie', 'a=1'],
    ['accept', '*/*'],
    ['cookie', 'b=2'],
  ];
  client.open(1, [...without(':authority').slice(0, 2), [':authority', 'A.Example:80'], [':path', '/x'], ...crumbs]);
  expect(await client.status(1)).toBe(200);
  const [seen] = setting.backend.requests;
  if (seen === undefined) throw new Error('nothing reached the backend');
  expect(headerOf(seen, 'host')).toBe('a.example');
  expect(headerOf(seen, 'cookie')).toBe('a=1; b=2');
  expect(headerOf(seen, 'via')).toBe('2 pulsegate');
});
