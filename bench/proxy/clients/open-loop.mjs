/**
 * `node open-loop.mjs PORT PER_SECOND SECONDS`: requests are due at random moments (a Poisson process, as independent users
 * make it) that do not depend on how fast the answers come, and latency counts from when a request was due. A request takes
 * an idle connection or opens one. The first half second does not count: until then connections are opened and code is compiled. Between requests the process sleeps for 50 µs at a time, as Node's timers know only
 * milliseconds; that is the resolution, and the same for everybody.
 */

import { connect } from 'node:net';
import { createDice } from '../../lib/dice.mjs';
import { requestHeads } from '../exchange.mjs';
import { createLatencies, print } from './latencies.mjs';

const WARM_UP_MS = 500;
const NAP_MS = 0.05;
const MOST_CONNECTIONS = 2_048;
const PATIENCE_MS = 5_000;

const [port = 0, perSecond = 0, seconds = 0] = process.argv.slice(2).map(Number);
const heads = requestHeads().map((head) => Buffer.from(head, 'latin1'));
const latencies = createLatencies();
const dice = createDice(perSecond);
const napping = new Int32Array(new SharedArrayBuffer(4));
/** @typedef {{ socket: import('node:net').Socket, dueMs: number, missing: number, head: string, usual: number }} Connection  missing: bytes of its answer; usual: of a whole one */
/** @type {Connection[]} */
const idle = [];
/** @type {number[]} */
const waiting = [];
let sent = 0;
let ended = 0;
let errors = 0;
let opened = 0;
/** How far the client itself was behind: it, or the machine, stood still. */
let lateMs = 0;

const startedMs = performance.now();
const countsFrom = startedMs + WARM_UP_MS;
const endsAt = countsFrom + seconds * 1_000;
let dueMs = startedMs;
turn();

function turn() {
  const nowMs = performance.now();
  while (dueMs <= nowMs && dueMs < endsAt) {
    if (dueMs >= countsFrom) lateMs = Math.max(lateMs, nowMs - dueMs);
    request(dueMs);
    dueMs -= (Math.log(1 - dice()) * 1_000) / perSecond;
  }
  if (dueMs >= endsAt && (ended === sent || nowMs > endsAt + PATIENCE_MS)) return finish();
  Atomics.wait(napping, 0, 0, NAP_MS);
  setImmediate(turn);
}

/** @param {number} due */
function request(due) {
  sent++;
  const connection = idle.pop();
  if (connection !== undefined) send(connection, due);
  else if (opened < MOST_CONNECTIONS) send(open(), due);
  else waiting.push(due);
}

/** @param {Connection} connection @param {number} due */
function send(connection, due) {
  connection.dueMs = due;
  connection.socket.write(heads[sent % heads.length] ?? '');
}

/** @returns {Connection} */
function open() {
  opened++;
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  /** @type {Connection} */
  const connection = { socket, dueMs: 0, missing: 0, head: '', usual: 0 };
  socket.on('data', (chunk) => read(connection, chunk));
  socket.on('error', () => {});
  socket.on('close', () => {
    opened--;
    const position = idle.indexOf(connection);
    if (position >= 0) idle.splice(position, 1);
    else end(0, true);
  });
  return connection;
}

/** Answers have a Content-Length, and none comes unasked. @param {Connection} connection @param {Buffer} chunk */
function read(connection, chunk) {
  // As long as the one before, and it says 2xx: it has been looked at once, which saves time that the proxy's answer would wait.
  if (connection.missing === 0 && chunk.length === connection.usual && chunk[9] === 0x32) return whole(connection);
  if (connection.missing === 0) {
    connection.head += chunk.latin1Slice();
    const end = connection.head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const size = Number(/\r\ncontent-length: *(\d+)/i.exec(connection.head)?.[1]);
    connection.missing = end + 4 + size - connection.head.length;
    if (connection.head.startsWith('HTTP/1.1 200 ')) connection.usual = end + 4 + size;
    else errors++;
    connection.head = '';
  } else connection.missing -= chunk.length;
  if (connection.missing === 0) whole(connection);
}

/** @param {Connection} connection */
function whole(connection) {
  end(connection.dueMs, false);
  const due = waiting.shift();
  if (due === undefined) idle.push(connection);
  else send(connection, due);
}

/** @param {number} due @param {boolean} isError */
function end(due, isError) {
  ended++;
  if (isError) errors++;
  else if (due >= countsFrom) latencies.add(performance.now() - due);
}

function finish() {
  print({
    requests: latencies.total,
    errors: errors + sent - ended,
    perSecond: latencies.total / seconds,
    p50Ms: latencies.at(0.5),
    p99Ms: latencies.at(0.99),
    p999Ms: latencies.at(0.999),
    lateMs,
  });
}
