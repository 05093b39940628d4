/**
 * Requests that are odd but legal, and requests that are neither, from a seed, with what a server must have got of each. Only
 * what the standards settle is asked for: where servers differ among themselves, nothing is generated.
 */

import type { Rng } from '../../src/base/rng.ts';

export interface Forwarded {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  /** latin1 */
  readonly body: string;
}

export interface OddRequest {
  readonly id: string;
  /** latin1 */
  readonly bytes: string;
  readonly method: string;
  /** null: it is refused. */
  readonly forwarded: Forwarded | null;
  /** No other request may follow on its connection. */
  readonly isLast: boolean;
}

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];
const SEGMENTS = [
  'a',
  'B',
  '~a',
  '-._',
  '%41',
  '%c3%a4',
  '%20',
  '%3f',
  '%23',
  "!$&'()*+,",
  ';x=1',
  ':@',
  '...',
  '.a',
  'a..',
  '=',
  '',
];
const QUERIES = [
  '',
  '',
  '?',
  '?a=b',
  '?a=b&a=c&&',
  '?/../',
  '?x?y',
  '?%41%zz',
  "?'()*;:@!$",
  '?a|b',
  '?"',
  '?{}^`<>[]',
];
const HOSTS: readonly (readonly [received: string, normal: string])[] = [
  ['a.example', 'a.example'],
  ['A.Example', 'a.example'],
  ['a.example.', 'a.example'],
  ['a.example:80', 'a.example'],
  ['a.example:8080', 'a.example:8080'],
  ['127.0.0.1:3000', '127.0.0.1:3000'],
  ['[::1]', '[::1]'],
  ['[::1]:8080', '[::1]:8080'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
];
const FIELDS = [
  'X-A:b',
  'X-A:   b  ',
  'X-Tab:\tb\t',
  'X-Empty:',
  'X-Latin: \xe4\xff',
  'X-Quoted: "a\\"b", c',
  `X-Long: ${'v'.repeat(2_000)}`,
  'X-Twice: 1\r\nX-Twice: 2',
  "!#$%&'*+-.^`|~: x",
  'Cookie: a=b\r\nCookie: c=d',
  'Connection: X-Hop\r\nX-Hop: 1',
  'Connection: keep-alive\r\nKeep-Alive: timeout=5',
  'TE: trailers',
  'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk',
  'Content-Type: text/plain',
  'X-Forwarded-For: 10.0.0.1',
  'Accept-Encoding: gzip',
];
const BAD_LINES = [
  'X: y\r\n z',
  'X : y',
  ': y',
  'X',
  'X: \0',
  'X: \x01',
  'X\x80: y',
  'X_Y: z',
  'X: y\nZ: z',
  'X: y\rZ: z',
  'Content-Length: 5\r\nTransfer-Encoding: chunked',
  'Content-Length: 5\r\nContent-Length: 5',
  'Content-Length: +5',
  'Content-Length: 05',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding:\x0bchunked',
  'Host: b.example',
  'Expect: x',
];
const BAD_TARGETS = [
  '*',
  '/../x',
  '/%2e%2e/x',
  '/a\\b',
  '/#x',
  '/\xe4',
  '/a b',
  '/%',
  'http://b.example/',
  'x',
  '/a/..;/b',
  '/\0',
];
const BAD_HOSTS = ['', 'a b', 'a/b', 'u@a.example', 'a.example:x', 'a,b', '[::1', 'a..b', 'a#b'];
const BAD_METHODS = ['TRACE', 'CONNECT', 'get', 'G(T', 'A'.repeat(33)];
const BAD_VERSIONS = ['HTTP/2.0', 'HTTP/1', 'http/1.1', 'HTTP/1.10', 'RTSP/1.0'];
/** Of which each is as likely. */
const SPOILS = 5;

function oneOf<T>(rng: Rng, choices: readonly T[]): T {
  return choices[rng.below(choices.length)] as T;
}

export function makeOddRequest(rng: Rng, id: string): OddRequest {
  const isGood = rng.below(4) > 0;
  const spoilt = isGood ? -1 : rng.below(SPOILS);
  const method = spoilt === 0 ? oneOf(rng, BAD_METHODS) : oneOf(rng, METHODS);
  const [host, normalHost] = spoilt === 1 ? [oneOf(rng, BAD_HOSTS), ''] : oneOf(rng, HOSTS);
  const path = `/${Array.from({ length: rng.below(4) }, () => oneOf(rng, SEGMENTS)).join('/')}${oneOf(rng, QUERIES)}`;
  // `OPTIONS *` is well-formed, and answered by us.
  const target = spoilt === 2 ? oneOf(rng, method === 'OPTIONS' ? BAD_TARGETS.slice(1) : BAD_TARGETS) : path;
  const isAbsolute = isGood && rng.below(8) === 0;
  const minor = isGood && rng.below(12) === 0 ? 0 : 1;
  const version = spoilt === 3 ? oneOf(rng, BAD_VERSIONS) : `HTTP/1.${minor}`;

  const lines = [`${oneOf(rng, ['Host', 'host', 'HOST'])}: ${host}`, `X-Case: ${id}`];
  for (let left = rng.below(5); left > 0; left--) lines.push(oneOf(rng, FIELDS));
  const { body, framing, payload } = makeBody(rng, method, minor);
  // What is spoilt by a line has no framing beside it that could be the better reason.
  if (spoilt === 4) lines.push(oneOf(rng, BAD_LINES));
  else if (framing !== '') lines.push(framing);
  const closes = minor === 1 && rng.below(12) === 0;
  if (closes) lines.push(oneOf(rng, ['Connection: close', 'Connection: Close, x']));
  shuffle(rng, lines);

  const leading = isGood && rng.below(10) === 0 ? '\r\n' : '';
  const requestTarget = isAbsolute ? `http://${host}${target}` : target;
  return {
    id,
    bytes: `${leading}${method} ${requestTarget} ${version}\r\n${lines.join('\r\n')}\r\n\r\n${spoilt === 4 ? '' : payload}`,
    method,
    forwarded: isGood ? { method, target, host: normalHost, body } : null,
    isLast: !isGood || closes || minor === 0,
  };
}

function makeBody(rng: Rng, method: string, minor: number) {
  const mayHave = !['GET', 'HEAD', 'OPTIONS'].includes(method) || rng.below(10) === 0;
  // RFC 9112 §6.3 lets a server refuse these without a length (411), and lighttpd does.
  const mustHave = ['POST', 'PUT', 'PATCH', 'PROPFIND'].includes(method);
  const kind = mustHave ? 1 + rng.below(3) : mayHave ? rng.below(4) : 0;
  if (kind === 0) return { body: '', framing: '', payload: '' };
  const body = oneOf(rng, [
    '',
    'hello',
    'GET /x HTTP/1.1\r\nHost: a\r\n\r\n',
    '0\r\n\r\n',
    'x'.repeat(1 + rng.below(20_000)),
    '\xff"\\\n',
  ]);
  const expect = minor === 1 && rng.below(6) === 0 ? '\r\nExpect: 100-continue' : '';
  if (kind < 3 || minor === 0) return { body, framing: `Content-Length: ${body.length}${expect}`, payload: body };
  return {
    body,
    framing: `Transfer-Encoding: ${oneOf(rng, ['chunked', 'Chunked'])}${expect}`,
    payload: inChunks(rng, body),
  };
}

function inChunks(rng: Rng, body: string): string {
  let text = '';
  for (let pos = 0; pos < body.length; ) {
    const length = 1 + rng.below(Math.min(body.length - pos, 5_000));
    const size = length.toString(16);
    const shown = oneOf(rng, [size, size.toUpperCase(), `0${size}`]);
    text += `${shown}${oneOf(rng, ['', '', ';a', ';a=b', ';a="b;\\"c"'])}\r\n${body.slice(pos, pos + length)}\r\n`;
    pos += length;
  }
  return `${text}${oneOf(rng, ['0', '000', '0;a'])}\r\n${oneOf(rng, ['', '', 'X-Trailer: y\r\n'])}\r\n`;
}

function shuffle(rng: Rng, lines: string[]): void {
  for (let i = lines.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [lines[i], lines[j]] = [lines[j] as string, lines[i] as string];
  }
}
