/** Streams of messages that are valid or nearly so: pieces from a grammar with a taste for trouble, then mutations of bytes. */

import type { Rng } from '../../src/base/rng.ts';

function oneOf<T>(rng: Rng, choices: readonly T[]): T {
  return choices[rng.below(choices.length)] as T;
}

const METHODS = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'M-SEARCH',
  'CONNECT',
  'TRACE',
  'BREW',
];
const TARGETS = [
  '/',
  '/a/b?c=d',
  '/%41%2f',
  '/a/../b',
  '/x;y=1',
  '*',
  'http://a/',
  'http://a',
  '//a',
  '/é',
  '/a b',
  '/a#b',
  '/a\\b',
  '/?%',
  'a:80',
  '',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.',
  'HTTP/11',
];
const STATUSES = [
  '200',
  '200',
  '200',
  '404',
  '500',
  '204',
  '304',
  '100',
  '103',
  '205',
  '101',
  '099',
  '600',
  '20',
  '2000',
  '2x0',
];
const REASONS = [' OK', ' OK', '', ' ', ' Not\tFound', ' caf\xe9', ' a\x01b', '\tOK'];
const LINES = [
  'User-Agent: x',
  'Accept: */*',
  'X-A: \xe9\xff',
  'X-Empty:',
  'X_U: 1',
  'Cookie: a=b; c=d',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: x-a, close',
  'Keep-Alive: timeout=5',
  'Trailer: x',
  'Expect: 100-continue',
  'Date: Sat, 21 Nov 2026 06:48:57 GMT',
  '__proto__: x',
  `X-Long: ${'v'.repeat(70)}`,
];
const FRAMINGS = [
  'Content-Length: 0',
  'Content-Length: 3',
  'content-length:3',
  'Content-Length: 03',
  'Content-Length: +3',
  'Content-Length: 3, 3',
  'Content-Length: 3 3',
  'Content-Length: 0x3',
  'Content-Length: 18446744073709551619',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: chunked',
  'transfer-encoding:\tChunked ',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, gzip',
  'Transfer-Encoding: chunked\t',
  'Content-Length: 3\t',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: chunked;a=b',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\x0bchunked',
  'Transfer_Encoding: chunked',
];
const CHUNKS = [
  '3\r\nabc\r\n',
  '03\r\nabc\r\n',
  'A\r\n0123456789\r\n',
  'a;x=y\r\n0123456789\r\n',
  '1;q="a;b"\r\nz\r\n',
  '0x1\r\nz\r\n',
  '1 \r\nz\r\n',
  ' 1\r\nz\r\n',
  '1;\r\nz\r\n',
  '1\nz\r\n',
  '1\r\nz\n',
  '1\r\nzz\r\n',
  '1;a=\r\nz\r\n',
  '1;a b\r\nz\r\n',
];
const ENDS = [
  '0\r\n\r\n',
  '0\r\n\r\n',
  '0\r\n\r\n',
  '000\r\n\r\n',
  '0;a\r\n\r\n',
  '0\r\nX: y\r\n\r\n',
  '0\r\nContent-Length: 3\r\n\r\n',
  '0\r\nX : y\r\n\r\n',
  '0\r\n\n',
  '0\r\n',
  '0\r\n x: y\r\n\r\n',
  '0\n\r\n',
];
const TROUBLE = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  '\x0b',
  '\x7f',
  '\x80',
  ':',
  ',',
  ';',
  '"',
  '0',
  '3',
  'f',
  '-',
  '_',
  '/',
  '..',
  '%2e',
  'chunked',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: a\r\n',
  'GET / HTTP/1.1\r\n',
];

/** One to three messages in a row, mutated up to four times. */
export function generateStream(kind: 'request' | 'response', rng: Rng): Buffer {
  let text = '';
  for (let left = 1 + rng.below(3); left > 0; left--) text += generateMessage(kind, rng);
  for (let left = Math.max(0, rng.below(8) - 3); left > 0; left--) text = mutate(text, rng);
  return Buffer.from(text, 'latin1');
}

/** Mostly plain: each doubtful part is rare, so that many streams are accepted for some way. */
function generateMessage(kind: 'request' | 'response', rng: Rng): string {
  const odd = rng.below(3) === 0;
  const pick = (choices: readonly string[], plain: number) =>
    choices[rng.below(odd ? choices.length : plain)] as string;
  const lines: string[] = [];
  if (kind === 'request' && rng.below(30) > 0) lines.push(oneOf(rng, ['Host: a', 'host:a:80', 'HOST: A.']));
  for (let left = rng.below(4); left > 0; left--) lines.push(rng.below(4) > 0 ? pick(LINES, 6) : oneOf(rng, LINES));
  let body = '';
  if (rng.below(3) > 0) {
    const framing = odd ? oneOf(rng, FRAMINGS) : oneOf(rng, ['Content-Length: 3', 'Transfer-Encoding: chunked']);
    lines.push(framing);
    if (odd && rng.below(6) === 0) lines.push(oneOf(rng, FRAMINGS));
    if (/chunked/i.test(framing)) {
      for (let left = rng.below(3); left > 0; left--) body += pick(CHUNKS, 5);
      body += pick(ENDS, 6);
    } else {
      body = 'abc';
    }
  }
  for (let i = lines.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [lines[i], lines[j]] = [lines[j] as string, lines[i] as string];
  }
  const start =
    kind === 'request'
      ? `${pick(METHODS, 9)} ${pick(TARGETS, 3)} ${pick(VERSIONS, 4)}`
      : `${pick(VERSIONS, 5)} ${pick(STATUSES, 10)}${pick(REASONS, 5)}`;
  return `${[start, ...lines].join('\r\n')}\r\n\r\n${body}`;
}

function mutate(text: string, rng: Rng): string {
  const at = rng.below(text.length + 1);
  switch (rng.below(6)) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + String.fromCharCode(rng.below(256)) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + oneOf(rng, TROUBLE) + text.slice(at);
    case 3:
      return text.slice(0, at) + oneOf(rng, TROUBLE) + text.slice(at + 1);
    case 4:
      return text.slice(0, at) + text.slice(at, at + rng.below(20)) + text.slice(at);
    default:
      return text.slice(0, at);
  }
}
