/**
 * A client in good faith, in a process of its own: `node steady-client.mjs PORT PATH PER_SECOND`. It asks on schedule, however long
 * answers take: in turn on a kept connection, on a new one, and over HTTP/2. For each request that has ended it prints
 * `{"dueAt", "tookMs", "error"}`: when it was due (milliseconds since the epoch), how long after that its answer was whole.
 */

import { Agent, request } from 'node:http';
import { connect } from 'node:http2';

const [port, path, perSecond] = process.argv.slice(2);
/** Longer than any stall of a loaded machine: what takes longer is lost. */
const TIMEOUT_MS = 20_000;
const TURN_MS = 2;

/** Those that a slow moment took are given up after it. */
const kept = new Agent({ keepAlive: true, maxFreeSockets: 2 });
let session = null;

const KINDS = [
  (settle) => overHttp1(kept, settle),
  (settle) => overHttp1(false, settle),
  (settle) => overHttp2(settle),
];

function overHttp1(agent, settle) {
  const sent = request({ agent, host: '127.0.0.1', port: Number(port), path, timeout: TIMEOUT_MS }, (response) => {
    response.resume();
    response.once('end', () => settle(response.statusCode === 200 ? '' : `status ${response.statusCode}`));
    response.once('error', (error) => settle(error.message));
  });
  sent.once('timeout', () => sent.destroy(new Error('no answer in time')));
  sent.once('error', (error) => settle(error.message));
  sent.end();
}

/** A session that was told to end is replaced, as every client does. */
function overHttp2(settle) {
  if (session === null) {
    const mine = connect(`http://127.0.0.1:${port}`);
    const forget = () => {
      if (session === mine) session = null;
    };
    mine.on('error', forget).on('goaway', forget).on('close', forget);
    session = mine;
  }
  const stream = session.request({ ':path': path });
  let status = 0;
  stream.once('response', (headers) => {
    status = headers[':status'];
  });
  stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error('no answer in time')));
  stream.once('error', (error) => settle(error.message));
  stream.once('end', () => settle(status === 200 ? '' : `status ${status}`));
  stream.resume();
}

const begunAt = Date.now();
const begunMs = performance.now();
let asked = 0;
setInterval(() => {
  while (performance.now() - begunMs >= (asked * 1_000) / Number(perSecond)) {
    const dueMs = (asked * 1_000) / Number(perSecond);
    let settled = false;
    const kind = ['a kept connection', 'a new connection', 'HTTP/2'][asked % KINDS.length];
    KINDS[asked % KINDS.length]((error) => {
      if (settled) return;
      settled = true;
      const tookMs = performance.now() - begunMs - dueMs;
      process.stdout.write(
        `${JSON.stringify({ dueAt: begunAt + dueMs, tookMs, error: error && `${kind}: ${error}` })}\n`,
      );
    });
    asked++;
  }
}, TURN_MS);
