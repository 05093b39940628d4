/**
 * The header by which a balancer in front says whose connection it hands on: PROXY protocol, version 1 (text) and 2 (binary).
 * Pure and strict: what is not exactly a header of the specification is malformed, at the first byte that shows it, and no
 * header is longer than the caps below. It decides nothing about trust: whoever may send a header is the caller's affair.
 */

import { isIPv4, isIPv6, SocketAddress } from 'node:net';

export type ProxyHeader =
  /** Not all of it has come; it is well-formed so far. */
  | { readonly kind: 'partial' }
  | {
      readonly kind: 'header';
      /** Bytes that it takes; what follows is the connection's own. */
      readonly length: number;
      /** Address of the client, without a port; null: the header names none (LOCAL, UNKNOWN, a unix socket). */
      readonly source: string | null;
    }
  | { readonly kind: 'malformed'; readonly detail: string };

/** PROXY protocol §2.1: `PROXY UNKNOWN` with two of the longest addresses, CRLF included. */
const V1_LIMIT_BYTES = 107;
/** Ours: the whole of a version 2 header, its TLVs included (§2.2 would allow 64 KiB). */
const V2_LIMIT_BYTES = 4_096;

const V1_PREFIX = Buffer.from('PROXY ');
/** §2.2: chosen so that no other protocol takes it for its own. */
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** The signature, version and command, family and transport, length. */
const V2_FIXED_BYTES = 16;
/** Type and length of a TLV. */
const TLV_FIXED_BYTES = 3;

const V1_LINE = /^(TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (\d{1,5}) (\d{1,5})$/;

const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;

/** Address block of a family by the upper half of its byte (§2.2.1). */
const V2_ADDRESS_BYTES: readonly (number | undefined)[] = [0, 12, 36, 216];
const V2_UNSPEC = 0;
const V2_INET = 1;
const V2_INET6 = 2;
/** Transports: unspecified, stream, datagram. */
const V2_LAST_TRANSPORT = 2;

const PARTIAL: ProxyHeader = { kind: 'partial' };

/** @param bytes all that has come on the connection so far */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsAs(bytes, V1_PREFIX)) return bytes.length < V1_PREFIX.length ? PARTIAL : parseText(bytes);
  if (startsAs(bytes, V2_SIGNATURE)) return bytes.length < V2_FIXED_BYTES ? PARTIAL : parseBinary(bytes);
  return malformed('the connection does not begin with a PROXY header');
}

/** Whether as much of `prefix` as has come is there; nothing at all is a beginning, too. */
function startsAs(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length);
  return bytes.compare(prefix, 0, length, 0, length) === 0;
}

function parseText(bytes: Buffer): ProxyHeader {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, V1_LIMIT_BYTES));
  const end = text.indexOf('\n');
  if (end < 0) return text.length < V1_LIMIT_BYTES ? PARTIAL : malformed('the PROXY line is longer than 107 bytes');
  if (text[end - 1] !== '\r') return malformed('the PROXY line does not end with CRLF');
  const line = text.slice(V1_PREFIX.length, end - 1);
  const length = end + 1;
  // §2.1: whatever stands after UNKNOWN is to be ignored.
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return { kind: 'header', length, source: null };
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = ''] = V1_LINE.exec(line) ?? [];
  if (family === undefined) return malformed('the PROXY line is not of the form "TCP4 source destination port port"');
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6;
  if (!isAddress(source) || !isAddress(destination))
    return malformed(`the PROXY line has an address that is no ${family}`);
  if (!isPort(sourcePort) || !isPort(destinationPort)) return malformed('the PROXY line has an invalid port');
  return { kind: 'header', length, source: family === 'TCP4' ? source : canonicalIPv6(source) };
}

/** Decimal, without leading zeros. */
function isPort(digits: string): boolean {
  return Number(digits) <= 65_535 && String(Number(digits)) === digits;
}

function parseBinary(bytes: Buffer): ProxyHeader {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13) >> 4;
  const transport = bytes.readUInt8(13) & 0x0f;
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  const addressBytes = V2_ADDRESS_BYTES[family];
  if (command !== V2_LOCAL && command !== V2_PROXY)
    return malformed('the PROXY header has an unknown version or command');
  if (addressBytes === undefined || transport > V2_LAST_TRANSPORT) {
    return malformed('the PROXY header has an unknown address family or transport');
  }
  if (length > V2_LIMIT_BYTES) return malformed('the PROXY header is longer than 4 KiB');
  const isLocal = command === V2_LOCAL;
  if (!isLocal && length < V2_FIXED_BYTES + addressBytes)
    return malformed('the PROXY header is too short for its addresses');
  if (bytes.length < length) return PARTIAL;
  // §2.2: a LOCAL header's family and addresses, and what follows an unspecified family, are to be skipped unread.
  if (isLocal || family === V2_UNSPEC) return { kind: 'header', length, source: null };
  if (!hasWholeTlvs(bytes, V2_FIXED_BYTES + addressBytes, length))
    return malformed('the PROXY header has a broken TLV');
  return { kind: 'header', length, source: readSource(bytes, family) };
}

/** §2.2: the rest of the header is a sequence of TLVs, each whole. None of them is of use here. */
function hasWholeTlvs(bytes: Buffer, from: number, end: number): boolean {
  let pos = from;
  while (pos + TLV_FIXED_BYTES <= end) pos += TLV_FIXED_BYTES + bytes.readUInt16BE(pos + 1);
  return pos === end;
}

/** The first address of the block. A unix socket's path says nothing about a client. */
function readSource(bytes: Buffer, family: number): string | null {
  if (family === V2_INET) return bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + 4).join('.');
  if (family !== V2_INET6) return null;
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(V2_FIXED_BYTES + 2 * index).toString(16));
  return canonicalIPv6(groups.join(':'));
}

/** As RFC 5952 writes it; an IPv4 address mapped into IPv6 as the IPv4 address that it is. */
function canonicalIPv6(address: string): string {
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  return canonical.startsWith('::ffff:') && canonical.includes('.') ? canonical.slice('::ffff:'.length) : canonical;
}

function malformed(detail: string): ProxyHeader {
  return { kind: 'malformed', detail };
}
