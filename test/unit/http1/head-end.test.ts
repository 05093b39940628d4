import { describe, expect, test } from 'vitest';
import { checkPartialHead } from '../../../src/http1/head-end.ts';
import { parseRequestHead } from '../../../src/http1/request-head.ts';

const LIMITS = { headerBytes: 100, headerCount: 10, underscoreHeaders: 'reject' } as const;

function statusOf(text: string): number {
  return checkPartialHead(text, LIMITS)?.status ?? 0;
}

test('no beginning of a valid head is refused', () => {
  const head = '\r\nGET /a?b HTTP/1.1\r\nHost: a\r\nX: \xe9\ty\r\n\r';
  for (let end = 0; end <= head.length; end++) expect(statusOf(head.slice(0, end))).toBe(0);
});

describe('what can never become a head is refused before its end', () => {
  test.each([
    ['F62 a TLS record', 400, '\x16\x03\x01\x02\x00'],
    ['binary', 400, '\xff\x00'],
    ['a space first', 400, ' GET'],
    ['two empty lines', 400, '\r\n\r\n'],
    ['an empty line of LF alone', 400, '\nGET'],
    ['F6 bare LF in the request line', 400, 'GET / HTTP/1.1\n'],
    ['F6 bare LF in a field', 400, 'GET / HTTP/1.1\r\nA: b\nC'],
    ['F6 bare CR', 400, 'GET / HTTP/1.1\r\nA: b\rC'],
    ['F10 NUL', 400, 'GET /\0'],
    ['F18 HTTP/0.9', 400, 'GET /\r\n'],
    ['F18 another protocol', 400, 'HELO mail.example\r\n'],
    ['F62 the preface of HTTP/2', 505, 'PRI * HTTP/2.0\r\n'],
    ['F19 CONNECT', 405, 'CONNECT a:443 HTTP/1.1\r\n'],
    ['F21 a request line without an end', 414, `GET /${'x'.repeat(99)}`],
    ['F21 a head without an end', 431, `GET / HTTP/1.1\r\nA: ${'x'.repeat(85)}`],
  ])('%s: %i', (_rule, status, text) => {
    expect(statusOf(text)).toBe(status);
  });
});

test('the longest head that is accepted is never refused while its end is on the way', () => {
  const start = 'GET / HTTP/1.1\r\nHost: a\r\nA: ';
  const head = start + 'x'.repeat(LIMITS.headerBytes - start.length);
  expect(parseRequestHead(head, LIMITS, 'http').ok).toBe(true);
  expect(statusOf(`${head}\r\n\r`)).toBe(0);
  expect(statusOf(`${head}xxxx`)).toBe(431);
});
