/**
 * The two sides of the WebSocket benchmark, each a process of its own on raw sockets, so that what they cost is the same for
 * every proxy. `echo PORT,…` answers every message with itself; `load PORT CONNECTIONS SECONDS BYTES` sends one message on each
 * connection after the other has come back, looks at every byte of it, and prints its result as one line of JSON.
 */

import { createHash, randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { createLatencies, print } from './latencies.mjs';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const PATIENCE_MS = 5_000;
const [role = '', ports = '', ...numbers] = process.argv.slice(2);
const [connections = 0, seconds = 0, bytes = 0] = numbers.map(Number);
if (role === 'echo') for (const port of ports.split(',')) echo(Number(port));
else load(Number(ports));

/** @param {number} port */
function echo(port) {
  createServer({ noDelay: true }, (socket) => {
    let isOpen = false;
    let held = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (!isOpen) {
        const end = held.indexOf('\r\n\r\n');
        if (end < 0) return;
        const key = /^sec-websocket-key: *(\S+)/im.exec(held.toString('latin1', 0, end))?.[1];
        held = held.subarray(end + 4);
        // Whoever asks for something else is a health check.
        if (key === undefined) return void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
        isOpen = true;
        const accept = createHash('sha1')
          .update(key + GUID)
          .digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
        );
      }
      for (let frame = frameAt(held); frame !== null; frame = frameAt(held)) {
        const { start, end } = frame;
        const message = Buffer.from(held.subarray(start, end));
        for (let i = 0; i < message.length; i++) message[i] ^= held[start - 4 + (i & 3)];
        socket.write(Buffer.concat([headerOf(message.length, false), message]));
        held = held.subarray(end);
      }
    });
  }).listen(port, '127.0.0.1');
}

/** Where the payload of the first frame is; null while it is not whole. @param {Buffer} buffer */
function frameAt(buffer) {
  if (buffer.length < 2) return null;
  const short = buffer[1] & 0x7f;
  if (short === 127) throw new Error('the benchmark has no messages above 64 KiB');
  const lengthEnd = short === 126 ? 4 : 2;
  const start = lengthEnd + (buffer[1] & 0x80 ? 4 : 0);
  if (buffer.length < start) return null;
  const end = start + (short === 126 ? buffer.readUInt16BE(2) : short);
  return buffer.length < end ? null : { start, end };
}

/** @param {number} length @param {boolean} isMasked */
function headerOf(length, isMasked) {
  const mask = isMasked ? 0x80 : 0;
  const header = length < 126 ? [0x82, mask | length] : [0x82, mask | 126, length >> 8, length & 0xff];
  return Buffer.from(header);
}

/** @param {number} port */
function load(port) {
  const payload = randomBytes(bytes);
  const mask = randomBytes(4);
  const masked = payload.map((byte, i) => byte ^ mask[i & 3]);
  const message = Buffer.concat([headerOf(bytes, true), mask, masked]);
  const echo = Buffer.concat([headerOf(bytes, false), payload]);
  const key = randomBytes(16).toString('base64');
  const handshake = `GET /echo HTTP/1.1\r\nHost: bench.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`;
  const latencies = createLatencies();
  // Some may never open.
  setTimeout(report, seconds * 1_000 + PATIENCE_MS);
  let errors = 0;
  let opened = 0;
  for (let n = 0; n < connections; n++) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let head = '';
    let received = 0;
    let sentAt = 0;
    let isOpen = false;
    socket.on('connect', () => socket.write(handshake));
    socket.on('error', () => {});
    socket.on('close', () => errors++);
    socket.on('data', (chunk) => {
      if (!isOpen) {
        head += chunk.toString('latin1');
        if (!head.endsWith('\r\n\r\n')) return;
        isOpen = head.startsWith('HTTP/1.1 101 ');
        if (!isOpen) errors++;
        if (++opened === connections) setTimeout(report, seconds * 1_000);
      } else {
        const end = received + chunk.length;
        if (end > echo.length || chunk.compare(echo, received, end) !== 0) return void socket.destroy();
        received = end;
        if (received < echo.length) return;
        received = 0;
        latencies.add(performance.now() - sentAt);
      }
      sentAt = performance.now();
      socket.write(message);
    });
  }
  function report() {
    const { total } = latencies;
    print({
      requests: total,
      errors,
      perSecond: total / seconds,
      p50Ms: latencies.at(0.5),
      p99Ms: latencies.at(0.99),
    });
  }
}
