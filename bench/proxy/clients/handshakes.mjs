/**
 * `node handshakes.mjs PORT CONNECTIONS SECONDS CERT`: each connection makes a whole TLS handshake, sends one request, reads the
 * answer to its end and makes place for the next. None resumes a session. Latency counts from connecting to the end.
 */

import { readFileSync } from 'node:fs';
import { connect, createSecureContext } from 'node:tls';
import { requestHeads } from '../exchange.mjs';
import { createLatencies, print } from './latencies.mjs';

const [port, connections, seconds] = process.argv.slice(2).map(Number);
const ca = readFileSync(process.argv[5] ?? '');
const secureContext = createSecureContext({ ca });
const heads = requestHeads().map((head) => head.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
const latencies = createLatencies();
const endsAt = performance.now() + (seconds ?? 0) * 1_000;
let errors = 0;
let started = 0;
let under = 0;

for (let n = 0; n < (connections ?? 0); n++) open();

function open() {
  const startedMs = performance.now();
  let bytes = 0;
  let isWhole = false;
  under++;
  const socket = connect({ port, host: '127.0.0.1', servername: 'api.example.com', secureContext }, () => {
    if (socket.isSessionReused()) errors++;
    socket.write(heads[started++ % heads.length] ?? '', 'latin1');
  });
  socket.on('data', (chunk) => {
    if (bytes === 0) isWhole = chunk.latin1Slice(0, 13) === 'HTTP/1.1 200 ';
    bytes += chunk.length;
  });
  socket.on('error', () => {
    isWhole = false;
  });
  socket.on('close', () => {
    const nowMs = performance.now();
    under--;
    if (!isWhole) errors++;
    else latencies.add(nowMs - startedMs);
    if (nowMs < endsAt) open();
    else if (under === 0) finish();
  });
}

function finish() {
  const { total } = latencies;
  print({
    requests: total,
    errors,
    perSecond: total / (seconds ?? 1),
    p50Ms: latencies.at(0.5),
    p99Ms: latencies.at(0.99),
  });
}
