/**
 * Very many cheap backends in one process: `node fleet-process.mjs PORT FROM COUNT` with an IPC channel. Backend n listens on an
 * address of its own, so that each can be killed alone. Answers everything with 200 and two bytes, and does nothing else: what it
 * costs is not the subject. Told `{ kill: n }`, it closes n's listener, resets its connections and says when; `{ revive: n }` undoes it.
 */

import { createServer } from 'node:net';
import { addressOf } from './fleet.mjs';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok';
const LAST_ANSWER = ANSWER.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n');
const LISTENS_AT_ONCE = 200;

const [port = 0, from = 0, count = 0] = process.argv.slice(2).map(Number);
let requests = 0;
let connections = 0;
/** @type {Map<number, { server: import('node:net').Server, sockets: Set<import('node:net').Socket> }>} */
const backends = new Map();

/** @param {number} n */
function listen(n) {
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.setEncoding('latin1');
    let head = '';
    socket.on('data', (/** @type {string} */ text) => {
      head += text;
      if (!head.endsWith('\r\n\r\n')) return;
      requests += 1;
      const isLast = /\r\nconnection: close\r\n/i.test(head);
      head = '';
      if (isLast) socket.end(LAST_ANSWER);
      else socket.write(ANSWER);
    });
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  backends.set(n, { server, sockets });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, addressOf(n), () => resolve(undefined));
  });
}

process.on('disconnect', () => process.exit());
process.on('message', async (/** @type {{ id: number, kill?: number, revive?: number }} */ { id, kill, revive }) => {
  const victim = kill === undefined ? undefined : backends.get(kill);
  if (victim !== undefined) {
    victim.server.close();
    for (const socket of victim.sockets) socket.resetAndDestroy();
  }
  const atMs = Date.now();
  if (revive !== undefined) await listen(revive);
  process.send?.({ id, atMs, requests, connections });
});

for (let n = from; n < from + count; n += LISTENS_AT_ONCE) {
  const batch = Math.min(LISTENS_AT_ONCE, from + count - n);
  await Promise.all(Array.from({ length: batch }, (_, i) => listen(n + i)));
}
process.send?.({ id: 0, atMs: Date.now(), requests, connections });
