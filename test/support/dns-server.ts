/** A name server over UDP (RFC 1035) whose answers tests write: addresses, SRV records, failures and silence. */

import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

export interface Zone {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly srv?: readonly { priority: number; weight: number; port: number; target: string }[];
  /** 0 = no error, 2 = SERVFAIL, 3 = NXDOMAIN. */
  readonly rcode?: number;
  /** Nothing is answered. */
  readonly isSilent?: boolean;
}

export interface DnsServer {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** What is answered from now on, for every name. */
  zone: Zone;
  /** Questions so far, by type. */
  readonly asked: string[];
}

const TYPES: Readonly<Record<number, keyof Zone>> = { 1: 'a', 28: 'aaaa', 33: 'srv' };
const HEADER_BYTES = 12;

export async function startDnsServer(zone: Zone): Promise<DnsServer> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const server: DnsServer = { address: `127.0.0.1:${socket.address().port}`, zone, asked: [] };
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const end = query.indexOf(0, HEADER_BYTES) + 5;
    const type = TYPES[query.readUInt16BE(end - 4)] ?? 'a';
    server.asked.push(type);
    if (!server.zone.isSilent)
      socket.send(answerTo(query.subarray(0, end), type, server.zone), from.port, from.address);
  });
  onTestFinished(() => {
    socket.close();
  });
  return server;
}

function answerTo(question: Buffer, type: keyof Zone, zone: Zone): Buffer {
  const records = zone.rcode ? [] : recordsOf(type, zone);
  const head = Buffer.from(question);
  head.writeUInt16BE(0x8180 | (zone.rcode ?? 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...records]);
}

function recordsOf(type: keyof Zone, { a = [], aaaa = [], srv = [] }: Zone): Buffer[] {
  if (type === 'a') return a.map((address) => record(1, Buffer.from(address.split('.').map(Number))));
  if (type === 'aaaa') return aaaa.map((address) => record(28, ipv6Bytes(address)));
  return srv.map(({ priority, weight, port, target }) => {
    const numbers = Buffer.alloc(6);
    numbers.writeUInt16BE(priority, 0);
    numbers.writeUInt16BE(weight, 2);
    numbers.writeUInt16BE(port, 4);
    return record(33, Buffer.concat([numbers, nameBytes(target)]));
  });
}

/** About the name in the question, with a time to live of zero. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

/** Only the forms that tests write: `::1`. */
function ipv6Bytes(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes[15] = Number.parseInt(address.replace('::', ''), 16);
  return bytes;
}
