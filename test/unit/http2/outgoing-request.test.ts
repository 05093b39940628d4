/** Requests become the field lists that HTTP/2 backends get. */

import { describe, expect, it } from 'vitest';
import { parseRequestHead, type RequestHead } from '../../../src/http1/request-head.ts';
import { isGrpcType, outgoingRequest } from '../../../src/http2/outgoing-request.ts';

const LIMITS = { headerBytes: 4_000, headerCount: 50, underscoreHeaders: 'allow' } as const;

function listOf(lines: readonly string[], requestLine = 'GET /x?y HTTP/1.1') {
  const head = parseRequestHead([requestLine, 'host: a.example', ...lines].join('\r\n'), LIMITS, 'http') as RequestHead;
  return { ...outgoingRequest(head, 'https', 'b.example', head.fields) };
}

describe('a request', () => {
  it('has its pseudo fields, and names in lower case', () => {
    expect(listOf(['X-One: 1', 'Accept: */*'])).toEqual({
      ':method': 'GET',
      ':scheme': 'https',
      ':authority': 'b.example',
      ':path': '/x?y',
      'x-one': '1',
      accept: '*/*',
    });
  });

  it('keeps fields of one name apart and in order, and values as they are', () => {
    expect(listOf(['a: 1', 'b: \t x y \t', 'A: 2', 'a: 3'])).toMatchObject({ a: ['1', '2', '3'], b: 'x y' });
  });

  it('has a length only when it has one', () => {
    expect(listOf(['content-length: 7'], 'POST / HTTP/1.1')).toMatchObject({ 'content-length': 7 });
    expect(listOf(['transfer-encoding: chunked'], 'POST / HTTP/1.1')).not.toHaveProperty('transfer-encoding');
    expect(listOf(['transfer-encoding: chunked'], 'POST / HTTP/1.1')).not.toHaveProperty('content-length');
  });

  it('says that trailers are welcome only for gRPC, whose trailers we do pass on [R27]', () => {
    expect(listOf(['te: trailers'])).not.toHaveProperty('te');
    expect(listOf(['content-type: application/grpc+proto'])).toHaveProperty('te', 'trailers');
  });

  it('may have fields that objects have', () => {
    expect(Object.entries(listOf(['__proto__: x', 'constructor: y']))).toEqual(
      expect.arrayContaining([
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ]),
    );
  });
});

it.each([
  ['application/grpc', true],
  ['application/grpc+json', true],
  ['application/grpc; charset=x', true],
  ['Application/GRPC', true],
  ['application/grpc-web', false],
  ['application/grpc-web+proto', false],
  ['application/json', false],
  [undefined, false],
])('%s is gRPC: %s', (type, expected) => {
  expect(isGrpcType(type)).toBe(expected);
});
