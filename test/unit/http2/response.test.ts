import { describe, expect, it } from 'vitest';
import { parseResponseHead, type ResponseHead } from '../../../src/http1/response-head.ts';
import { fieldsOf, isBodyless, mayHaveTrailers, responseFields } from '../../../src/http2/response.ts';

const LIMITS = { headerBytes: 65_536, headerCount: 200, underscoreHeaders: 'allow' } as const;

function headOf(text: string, method = 'GET'): ResponseHead {
  const head = parseResponseHead(text, LIMITS, method);
  if (!head.ok) throw new Error(head.detail);
  return head;
}

const listOf = (text: string, method = 'GET', date = '') => responseFields(headOf(text, method), 'id', date);

describe('the fields of an answer', () => {
  it('are in lower case, without what concerns the connection [R66 F35]', () => {
    const list = listOf(
      'HTTP/1.1 200 OK\r\nServer:  x \r\nConnection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n' +
        'Transfer-Encoding: chunked\r\nHTTP2-Settings: AAA\r\nContent-Type: text/plain',
    );
    expect({ ...list }).toEqual({ ':status': 200, server: 'x', 'content-type': 'text/plain', 'x-request-id': 'id' });
  });

  it('of one name are kept apart and in order [F33]', () => {
    const list = listOf(
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nVary: x\r\nset-cookie: b=2\r\nSET-COOKIE: c=3\r\nVary: y',
    );
    expect(list['set-cookie']).toEqual(['a=1', 'b=2', 'c=3']);
    expect(list.vary).toEqual(['x', 'y']);
  });

  it('that stand once are sent once', () => {
    expect(listOf('HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nETag: "1"\r\nEtag: "2"')).toMatchObject(
      {
        'content-type': 'a/b',
        etag: '"1"',
      },
    );
  });

  it('carry our date where the backend gave none', () => {
    expect(listOf('HTTP/1.1 200 OK', 'GET', 'now').date).toBe('now');
    expect(listOf('HTTP/1.1 200 OK\r\nDate: then').date).toBe('then');
  });

  it('may have any name that a token can be', () => {
    const list = listOf('HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: y');
    expect(Object.entries(list)).toContainEqual(['__proto__', 'x']);
    expect(Object.entries(list)).toContainEqual(['constructor', 'y']);
  });

  it.each([
    ['an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 5', 'GET', 5],
    ['an answer to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5', 'HEAD', 5],
    ['304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5', 'GET', 5],
    ['204', 'HTTP/1.1 204 No Content\r\nContent-Length: 0', 'GET', undefined],
    ['205', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 5', 'GET', undefined],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked', 'GET', undefined],
  ])('tell the length of %s', (_name, text, method, length) => {
    expect(listOf(text, method)['content-length']).toBe(length);
  });
});

it.each([
  ['HTTP/1.1 200 OK\r\nContent-Length: 5', 'GET', false],
  ['HTTP/1.1 200 OK\r\nContent-Length: 0', 'GET', true],
  ['HTTP/1.1 200 OK\r\nContent-Length: 5', 'HEAD', true],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked', 'GET', false],
  ['HTTP/1.1 205 Reset Content\r\nContent-Length: 5', 'GET', true],
  ['HTTP/1.1 304 Not Modified', 'GET', true],
])('%j to %s ends with its head: %s', (text, method, expected) => {
  expect(isBodyless(headOf(text, method))).toBe(expected);
});

it('trailers are waited for only where the framing leaves them open', () => {
  expect(mayHaveTrailers(headOf('HTTP/1.1 200 OK\r\nContent-Length: 5'))).toBe(false);
  expect(mayHaveTrailers(headOf('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked'))).toBe(false);
  expect(mayHaveTrailers(headOf('HTTP/1.1 200 OK'))).toBe(true);
});

it('field lines become a list', () => {
  expect({ ...fieldsOf('grpc-status: 0\r\ngrpc-message:\r\n') }).toEqual({ 'grpc-status': '0', 'grpc-message': '' });
});
