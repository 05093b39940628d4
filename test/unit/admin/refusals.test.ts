/**
 * What a browser on the same machine, a re-pointed name or a curious client may try against the admin address. Every
 * trick asks for a change that would succeed if it were let through, so one that slips by shows in the fake's list.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exchangeBytes, type Running, startFake } from './fake-control.ts';

const DRAIN = '/upstreams/app/backends/a/drain';
const WEIGHT = '/upstreams/app/backends/a/weight';
const JSON_TYPE = 'content-type: application/json';

interface Trick {
  readonly name: string;
  readonly line?: string;
  /** Replaces the good Host line; `[]` for none. */
  readonly host?: readonly string[];
  readonly headers?: readonly string[];
  readonly body?: string;
  /** 0 when the connection is closed without an answer. */
  readonly status: number;
}

let running: Running;

beforeAll(async () => {
  running = await startFake(null);
});

afterAll(() => running.server.close());

beforeEach(() => {
  running.control.changes.length = 0;
});

async function attempt(trick: Trick): Promise<number> {
  const host = trick.host ?? [`host: 127.0.0.1:${running.port}`];
  const body = trick.body ?? '';
  const framing = body === '' ? [] : [`content-length: ${body.length}`];
  const lines = [trick.line ?? `POST ${DRAIN} HTTP/1.1`, ...host, ...(trick.headers ?? []), ...framing];
  const text = `${lines.join('\r\n')}\r\nconnection: close\r\n\r\n${body}`;
  const received = await exchangeBytes(running.port, text);
  return received === '' ? 0 : Number(/^HTTP\/1\.1 (\d{3}) /.exec(received)?.[1]);
}

const hosts: Trick[] = [
  ['a re-pointed name', 'evil.example', 421],
  ['a re-pointed name with our port', 'evil.example:8081', 421],
  ['a name below an allowed one', 'localhost.evil.example', 421],
  ['a name above an allowed one', 'evil.localhost', 421],
  ['an allowed name with a final dot', 'localhost.', 421],
  ['a name that begins like one', 'localhostx', 421],
  ['a name that ends like one', 'xlocalhost', 421],
  ['an address that resolves to loopback', '127.0.0.1.nip.io', 421],
  ['another loopback address', '127.0.0.2', 421],
  ['the wildcard address', '0.0.0.0', 421],
  ['loopback as one number', '2130706433', 421],
  ['loopback in hexadecimal', '0x7f000001', 421],
  ['loopback in octal', '0177.0.0.1', 421],
  ['loopback in short', '127.1', 421],
  ['IPv6 loopback without brackets', '::1', 400],
  ['IPv6 loopback at length', '[0:0:0:0:0:0:0:1]', 421],
  ['loopback mapped into IPv6', '[::ffff:127.0.0.1]', 421],
  ['an IPv6 zone', '[::1%25lo]', 400],
  ['an open bracket', '[::1', 400],
  ['an empty name', '', 400],
  ['only a port', ':8081', 400],
  ['a port that is none', 'localhost:evil', 400],
  ['a port with an address behind it', 'localhost:80@evil.example', 400],
  ['a user before it', 'localhost@evil.example', 400],
  ['a list', 'localhost, evil.example', 400],
  ['a space inside', 'localhost evil.example', 400],
  ['a path behind it', 'localhost/x', 400],
  ['a scheme before it', 'http://localhost', 400],
  ['percent-encoding', 'localhos%74', 400],
  ['an international look-alike', 'l\u00f6calhost', 400],
].map(([name, value, status]) => ({
  name: `Host: ${name}`,
  host: [`host: ${value}`],
  status: status as number,
}));

const hostFields: Trick[] = [
  { name: 'no Host', host: [], status: 400 },
  { name: 'no Host in HTTP/1.0', line: `POST ${DRAIN} HTTP/1.0`, host: [], status: 400 },
  { name: 'two Hosts, the good one first', host: ['host: localhost', 'host: evil.example'], status: 400 },
  { name: 'two Hosts, the good one last', host: ['host: evil.example', 'host: localhost'], status: 400 },
  { name: 'the same Host twice', host: ['host: localhost', 'host: localhost'], status: 400 },
  { name: 'a folded Host', host: ['host: localhost', ' .evil.example'], status: 400 },
  { name: 'Host with a space before the colon', host: ['host : localhost'], status: 400 },
  { name: 'a forwarded host in place of Host', host: ['x-forwarded-host: localhost'], status: 400 },
  { name: 'a forwarded host beside a foreign one', host: ['host: evil', 'x-forwarded-host: localhost'], status: 421 },
];

const targets: Trick[] = [
  { name: 'an absolute target', line: `POST http://localhost${DRAIN} HTTP/1.1`, status: 400 },
  { name: 'an absolute target of another host', line: `POST http://evil${DRAIN} HTTP/1.1`, status: 400 },
  { name: 'a target without slash', line: `POST ${DRAIN.slice(1)} HTTP/1.1`, status: 400 },
  { name: 'the asterisk', line: 'OPTIONS * HTTP/1.1', status: 400 },
  { name: 'CONNECT', line: 'CONNECT localhost:80 HTTP/1.1', status: 0 },
  { name: 'an empty first segment', line: `POST /${DRAIN} HTTP/1.1`, status: 404 },
  { name: 'a final slash', line: `POST ${DRAIN}/ HTTP/1.1`, status: 404 },
  { name: 'dot segments', line: `POST /x/..${DRAIN} HTTP/1.1`, status: 404 },
  { name: 'encoded dot segments', line: `POST /%2e%2e${DRAIN} HTTP/1.1`, status: 404 },
  { name: 'encoded slashes', line: `POST ${DRAIN.replaceAll('/', '%2F').replace('%2F', '/')} HTTP/1.1`, status: 404 },
  { name: 'backslashes', line: `POST ${DRAIN.replaceAll('/', '\\').replace('\\', '/')} HTTP/1.1`, status: 404 },
  { name: 'another case', line: `POST ${DRAIN.toUpperCase()} HTTP/1.1`, status: 404 },
  { name: 'a NUL behind the action', line: `POST ${DRAIN}%00 HTTP/1.1`, status: 404 },
  { name: 'a parameter behind the action', line: `POST ${DRAIN};x HTTP/1.1`, status: 404 },
  { name: 'an empty backend', line: 'POST /upstreams/app/backends//drain HTTP/1.1', status: 404 },
  { name: 'broken percent-encoding', line: `POST ${DRAIN}%zz HTTP/1.1`, status: 400 },
  { name: 'a doubly encoded name', line: 'POST /upstreams/app/backends/%2561/drain HTTP/1.1', status: 404 },
];

const origins: Trick[] = [
  ['origin: null', 403],
  ['origin: http://evil.example', 403],
  ['origin: http://localhost', 403],
  ['origin: http://127.0.0.1', 403],
  ['origin: http://127.0.0.1:3000', 403],
  ['origin: http://127.0.0.1.evil.example', 403],
  ['origin: https://127.0.0.1:PORT', 403],
  ['origin: 127.0.0.1:PORT', 403],
  ['origin: http://127.0.0.1:PORT/', 403],
  ['origin: http://127.0.0.1:PORT@evil.example', 403],
  ['origin: http://127.0.0.1:PORT http://evil.example', 403],
  ['origin: file://', 403],
  ['origin: chrome-extension://abcdefgh', 403],
  ['origin:', 403],
  ['sec-fetch-site: cross-site', 403],
  ['sec-fetch-site: same-site', 403],
  ['sec-fetch-site: Same-Origin', 403],
  ['sec-fetch-site:', 403],
  ['sec-fetch-site: same-origin\r\nsec-fetch-site: cross-site', 403],
  ['origin: http://127.0.0.1:PORT\r\norigin: http://evil.example', 403],
].map(([header, status]) => ({
  name: (header as string).replace('\r\n', ', then '),
  headers: [header as string, JSON_TYPE],
  status: status as number,
}));

const forms: Trick[] = [
  { name: 'a form', headers: ['content-type: application/x-www-form-urlencoded'], body: 'a=b', status: 415 },
  { name: 'a file form', headers: ['content-type: multipart/form-data; boundary=x'], body: 'a', status: 415 },
  { name: 'a text form', headers: ['content-type: text/plain'], body: '{}', status: 415 },
  { name: 'text that mentions JSON', headers: ['content-type: text/plain; application/json'], body: '{}', status: 415 },
  { name: 'a type that begins like JSON', headers: ['content-type: application/jsonx'], body: '{}', status: 415 },
  { name: 'JSON with a suffix', headers: ['content-type: application/json+x'], body: '{}', status: 415 },
  { name: 'an empty type', headers: ['content-type:'], body: '{}', status: 415 },
  { name: 'no type, from our own origin', headers: ['origin: http://127.0.0.1:PORT'], status: 415 },
  { name: 'no type, from the address bar', headers: ['sec-fetch-site: none'], status: 415 },
  {
    name: 'a text PUT from our own origin',
    line: `PUT ${WEIGHT} HTTP/1.1`,
    headers: ['origin: http://127.0.0.1:PORT', 'content-type: text/plain'],
    body: '{"weight":2}',
    status: 415,
  },
];

const methods: Trick[] = ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']
  .map((method): Trick => ({ name: `${method} on an action`, line: `${method} ${DRAIN} HTTP/1.1`, status: 405 }))
  .concat(
    { name: 'POST on a weight', line: `POST ${WEIGHT} HTTP/1.1`, body: '{"weight":2}', status: 405 },
    { name: 'an action in lower case', line: `post ${DRAIN} HTTP/1.1`, status: 400 },
    { name: 'an overriding header', line: `GET ${DRAIN} HTTP/1.1`, headers: ['x-http-method: POST'], status: 405 },
    { name: 'an overriding parameter', line: `GET ${DRAIN}?_method=POST HTTP/1.1`, status: 405 },
    {
      name: 'a preflight',
      line: `OPTIONS ${DRAIN} HTTP/1.1`,
      headers: ['origin: http://evil.example', 'access-control-request-method: POST'],
      status: 403,
    },
  );

const framings: Trick[] = [
  { name: 'two lengths', headers: ['content-length: 0', 'content-length: 5'], status: 400 },
  { name: 'a length and chunks', headers: ['content-length: 0', 'transfer-encoding: chunked'], status: 400 },
  { name: 'an unknown coding', headers: ['transfer-encoding: gzip'], status: 400 },
  { name: 'a header of 20 KiB', headers: [`x: ${'x'.repeat(20_480)}`], status: 431 },
  { name: 'HTTP/2 in cleartext', line: 'PRI * HTTP/2.0', status: 400 },
  { name: 'an unknown expectation', headers: ['expect: 200-maybe'], status: 417 },
  { name: 'TLS', line: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', status: 400 },
];

describe('a change is refused when it comes with', () => {
  const tricks = [...hosts, ...hostFields, ...targets, ...origins, ...forms, ...methods, ...framings];

  it.each(tricks)('$name', async (trick) => {
    const headers = trick.headers?.map((header) => header.replace('PORT', String(running.port)));
    const status = await attempt(headers === undefined ? trick : { ...trick, headers });
    expect(running.control.changes).toEqual([]);
    expect(status).toBe(trick.status);
  });
});

describe('a change is let through', () => {
  it.each([
    ['from a tool without headers', []],
    ['from a tool with JSON', [JSON_TYPE]],
    ['from the page', ['origin: http://127.0.0.1:PORT', 'sec-fetch-site: same-origin', `${JSON_TYPE}; charset=utf-8`]],
  ])('%s', async (_, lines) => {
    const headers = lines.map((line) => line.replace('PORT', String(running.port)));
    expect(await attempt({ name: '', headers, status: 200 })).toBe(200);
    expect(running.control.changes).toEqual(['app/a draining']);
  });

  it.each(['localhost', 'LOCALHOST:9', '127.0.0.1', '[::1]', '[::1]:8081'])('for the Host %s', async (host) => {
    expect(await attempt({ name: '', host: [`host: ${host}`], status: 200 })).toBe(200);
    expect(running.control.changes).toEqual(['app/a draining']);
  });
});

it('refuses foreign pages that only read', async () => {
  const line = 'GET /health HTTP/1.1';
  expect(await attempt({ name: '', line, host: ['host: evil.example'], status: 421 })).toBe(421);
  expect(await attempt({ name: '', line, headers: ['origin: http://evil.example'], status: 403 })).toBe(403);
  expect(await attempt({ name: '', line, headers: ['sec-fetch-site: cross-site'], status: 403 })).toBe(403);
});

it('answers every refusal as JSON with a code and a sentence', async () => {
  for (const line of [`DELETE ${DRAIN} HTTP/1.1`, 'GET /nope HTTP/1.1', 'GET http://x/ HTTP/1.1', 'nonsense']) {
    const received = await exchangeBytes(running.port, `${line}\r\nhost: localhost\r\n\r\n`);
    const [head = '', body = ''] = received.split('\r\n\r\n');
    expect(head).toContain('connection: close');
    expect(head).toContain('content-type: application/json');
    expect(JSON.parse(body)).toEqual({ error: expect.stringMatching(/^[a-z_]+$/), message: expect.any(String) });
  }
});

it('says in 405 what the path takes', async () => {
  const received = await exchangeBytes(running.port, 'POST /health HTTP/1.1\r\nhost: localhost\r\n\r\n');
  expect(received).toContain('allow: GET, HEAD\r\n');
});
