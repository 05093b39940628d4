import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProxyHeader } from '../../../src/proxy/proxy-protocol.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A version 2 header with this block behind its fixed part. */
function binary(command: number, family: number, block: Buffer, length = block.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([command, family, length >> 8, length & 0xff]), block]);
}

function tlv(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);
}

const INET = Buffer.from([203, 0, 113, 7, 198, 51, 100, 1, 0x30, 0x39, 0x01, 0xbb]);
const INET6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from([0x30, 0x39, 0x01, 0xbb]),
]);

const WHOLE: readonly (readonly [what: string, bytes: Buffer, source: string | null])[] = [
  ['TCP4', Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 12345 443\r\n'), '203.0.113.7'],
  ['TCP6', Buffer.from('PROXY TCP6 2001:DB8:0:0::7 2001:db8::1 12345 443\r\n'), '2001:db8::7'],
  ['TCP6 with a mapped address', Buffer.from('PROXY TCP6 ::ffff:203.0.113.7 ::1 1 2\r\n'), '203.0.113.7'],
  ['TCP4 with port 0', Buffer.from('PROXY TCP4 0.0.0.0 0.0.0.0 0 65535\r\n'), '0.0.0.0'],
  ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), null],
  ['UNKNOWN with anything', Buffer.from('PROXY UNKNOWN a b\x01 c 99999\r\n'), null],
  ['the longest line', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(107 - 16)}\r\n`), null],
  ['v2 over IPv4', binary(0x21, 0x11, INET), '203.0.113.7'],
  ['v2 over IPv4, datagrams', binary(0x21, 0x12, INET), '203.0.113.7'],
  ['v2 over IPv6', binary(0x21, 0x21, INET6), '2001:db8::7'],
  ['v2 over a unix socket', binary(0x21, 0x31, Buffer.alloc(216, 0x61)), null],
  ['v2, family unspecified', binary(0x21, 0x00, Buffer.from('whatever')), null],
  ['v2 LOCAL', binary(0x20, 0x00, Buffer.alloc(0)), null],
  ['v2 LOCAL with a block to skip', binary(0x20, 0x11, Buffer.alloc(3)), null],
  [
    'v2 with TLVs',
    binary(0x21, 0x11, Buffer.concat([INET, tlv(4, Buffer.alloc(9)), tlv(0xea, Buffer.from('vpce'))])),
    '203.0.113.7',
  ],
  ['v2 of 4 KiB', binary(0x21, 0x11, Buffer.concat([INET, tlv(4, Buffer.alloc(4_096 - 16 - 12 - 3))])), '203.0.113.7'],
];

const MALFORMED: readonly (readonly [what: string, bytes: Buffer | string])[] = [
  ['a request', 'GET / HTTP/1.1\r\n'],
  ['a TLS record', Buffer.from('160301020001', 'hex')],
  ['lower case', 'proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['no family', 'PROXY \r\n'],
  ['an unknown family', 'PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['UNKNOWNS', 'PROXY UNKNOWNS\r\n'],
  ['two spaces', 'PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n'],
  ['a tab', 'PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n'],
  ['a space at the end', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n'],
  ['too few fields', 'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n'],
  ['a leading zero in an address', 'PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n'],
  ['a short address', 'PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n'],
  ['the other family', 'PROXY TCP4 ::1 ::1 1 2\r\n'],
  ['the other family, too', 'PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['a zone', 'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n'],
  ['a name', 'PROXY TCP4 localhost 1.2.3.4 1 2\r\n'],
  ['a leading zero in a port', 'PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n'],
  ['a port too high', 'PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n'],
  ['a signed port', 'PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n'],
  ['LF alone', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n'],
  ['CR alone', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rGET\r\n'],
  ['107 bytes without an end', `PROXY UNKNOWN ${'f'.repeat(93)}`],
  ['108 bytes', `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`],
  ['a wrong signature', Buffer.from('0d0a0d0a000d0a515549540b', 'hex')],
  ['version 1 in binary', binary(0x11, 0x11, INET)],
  ['an unknown command', binary(0x22, 0x11, INET)],
  ['an unknown address family', binary(0x21, 0x41, INET)],
  ['an unknown transport', binary(0x21, 0x13, INET)],
  ['a block too short for IPv4', binary(0x21, 0x11, INET.subarray(1))],
  ['a block too short for IPv6', binary(0x21, 0x21, INET)],
  ['a block too short for a unix socket', binary(0x21, 0x31, INET6)],
  ['more than 4 KiB', binary(0x21, 0x11, INET, 4_081)],
  ['64 KiB announced', binary(0x20, 0x00, Buffer.alloc(0), 65_535)],
  ['a TLV that runs over the end', binary(0x21, 0x11, Buffer.concat([INET, Buffer.from([4, 0, 9, 0])]))],
  ['half a TLV', binary(0x21, 0x11, Buffer.concat([INET, Buffer.from([4, 0])]))],
];

describe('a PROXY header', () => {
  it.each(WHOLE)('is read: %s', (_, bytes, source) => {
    expect(parseProxyHeader(bytes)).toEqual({ kind: 'header', length: bytes.length, source });
    const followed = Buffer.concat([bytes, Buffer.from('\r\nGET / HTTP/1.1\r\n')]);
    expect(parseProxyHeader(followed)).toEqual({ kind: 'header', length: bytes.length, source });
  });

  it.each(WHOLE)('is awaited as long as it is not whole: %s', (_, bytes) => {
    for (let length = 0; length < bytes.length; length++) {
      expect(parseProxyHeader(bytes.subarray(0, length)), `${length} bytes`).toEqual({ kind: 'partial' });
    }
  });

  it.each(MALFORMED)('is refused: %s', (_, bytes) => {
    expect(parseProxyHeader(Buffer.from(bytes)).kind).toBe('malformed');
  });

  it('is refused at the first byte that shows it, not after waiting for more', () => {
    expect(parseProxyHeader(Buffer.from('G')).kind).toBe('malformed');
    expect(parseProxyHeader(Buffer.from('PROXZ')).kind).toBe('malformed');
    expect(parseProxyHeader(Buffer.from('\r\n\r\n\r')).kind).toBe('malformed');
  });

  it('of any bytes at all is judged without an exception, and never longer than the bytes', () => {
    const beginnings = fc.constantFrom(Buffer.alloc(0), Buffer.from('PROXY '), Buffer.from('PROXY TCP6 '), SIGNATURE);
    fc.assert(
      fc.property(beginnings, fc.uint8Array({ maxLength: 300 }), (beginning, rest) => {
        const bytes = Buffer.concat([beginning, rest]);
        const header = parseProxyHeader(bytes);
        if (header.kind === 'header') expect(header.length).toBeLessThanOrEqual(bytes.length);
        const padded = Buffer.concat([bytes, Buffer.alloc(4_096)]);
        expect(parseProxyHeader(padded).kind, 'nobody waits for more than 4 KiB').not.toBe('partial');
      }),
      { numRuns: 2_000 },
    );
  });
});
