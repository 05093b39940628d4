import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCheckResponse, encodeCheckRequest } from '../../../src/control/grpc-frame.ts';

function framed(...message: number[]): Buffer {
  return Buffer.from([0, 0, 0, 0, message.length, ...message]);
}

describe('the messages of Health/Check', () => {
  it('are asked for with an empty message, or with a service name in field 1', () => {
    expect([...encodeCheckRequest('')]).toEqual([0, 0, 0, 0, 0]);
    expect([...encodeCheckRequest('ab')]).toEqual([0, 0, 0, 0, 4, 0x0a, 2, 0x61, 0x62]);
    expect([...encodeCheckRequest('ä')]).toEqual([0, 0, 0, 0, 4, 0x0a, 2, 0xc3, 0xa4]);
    expect([...encodeCheckRequest('x'.repeat(127))].slice(0, 7)).toEqual([0, 0, 0, 0, 129, 0x0a, 127]);
  });

  it.each([
    ['a known status', [0x08, 1], 'SERVING'],
    ['the default, left out', [], 'UNKNOWN'],
    ['the last of several', [0x08, 1, 0x08, 2], 'NOT_SERVING'],
    ['a status in more bytes than needed', [0x08, 0x81, 0x80, 0x00], 'SERVING'],
    ['a status of a later version', [0x08, 0xac, 0x02], 'serving status 300'],
    [
      'a status between unknown fields of every wire type',
      [
        ...[0x10, 0x96, 0x01],
        ...[0x19, 1, 2, 3, 4, 5, 6, 7, 8],
        ...[0x08, 1],
        ...[0x22, 2, 0xff, 0xff],
        ...[0x2d, 1, 2, 3, 4],
      ],
      'SERVING',
    ],
  ])('are read: %s', (_name, message, servingStatus) => {
    expect(decodeCheckResponse(framed(...message))).toEqual({ servingStatus });
  });

  it.each([
    ['nothing', [], 'no message in the answer'],
    ['half a prefix', [0, 0, 0, 0], 'the gRPC frame is cut short'],
    ['a compressed message', [1, 0, 0, 0, 1, 0], 'the answer is compressed, which was not offered'],
    ['less than announced', [0, 0, 0, 0, 3, 0x08, 1], 'the gRPC frame announces 3 bytes, but 2 came'],
    ['two messages', [0, 0, 0, 0, 2, 0x08, 1, 0, 0, 0, 0, 0], 'the gRPC frame announces 2 bytes, but 7 came'],
    ['a status cut short', [0, 0, 0, 0, 2, 0x08, 0x80], 'the protobuf message is cut short'],
    ['a field cut short', [0, 0, 0, 0, 2, 0x12, 5], 'the protobuf message is cut short'],
    ['a group', [0, 0, 0, 0, 2, 0x0b, 0x0c], 'the protobuf message uses the wire type 3'],
  ])('are refused: %s', (_name, bytes, problem) => {
    expect(decodeCheckResponse(Buffer.from(bytes))).toEqual({ problem });
  });

  it('never throw on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (message) => {
        const response = decodeCheckResponse(framed(...message));
        expect('problem' in response || response.servingStatus !== '').toBe(true);
      }),
    );
  });
});
