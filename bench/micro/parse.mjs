/**
 * What one message costs to parse. As on the wire, every head is a fresh string out of a socket's buffer; the cost of
 * making that string is named by itself. `node --expose-gc bench/micro/parse.mjs` tells the bytes allocated as well.
 */

import { fileURLToPath } from 'node:url';
import { BodyReader } from '../../dist/http1/body-reader.js';
import { parseRequestHead } from '../../dist/http1/request-head.js';
import { parseResponseHead } from '../../dist/http1/response-head.js';
import { measure } from './measure.mjs';

const LIMITS = { headerBytes: 16_384, headerCount: 100, underscoreHeaders: 'reject' };

const REQUEST = [
  'GET /api/v1/items/4711?expand=owner&page=2 HTTP/1.1',
  'Host: shop.example.com',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Language: en-GB,en;q=0.7,de;q=0.3',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Referer: https://shop.example.com/api/v1/items?page=1',
  'Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; seen=1',
  'Connection: keep-alive',
  'Cache-Control: no-cache',
  'If-None-Match: "33a64df551425fcc55e4d42a148795d9f25f89d4"',
].join('\r\n');

const RESPONSE = [
  'HTTP/1.1 200 OK',
  'Date: Sat, 21 Nov 2026 06:48:57 GMT',
  'Content-Type: application/json; charset=utf-8',
  'Content-Length: 1234',
  'ETag: W/"4d2-bV1DH7XpiPd1nZzcq0hM4Lg6V5U"',
  'Cache-Control: private, max-age=0, must-revalidate',
  'Vary: Accept-Encoding, Origin',
  'X-Content-Type-Options: nosniff',
  'Server: backend/1.0',
  'Connection: keep-alive',
  'Keep-Alive: timeout=65',
].join('\r\n');

const CHUNKED = Buffer.from(`${`400\r\n${'x'.repeat(1024)}\r\n`.repeat(16)}0\r\n\r\n`, 'latin1');

function readChunked() {
  const reader = new BodyReader('chunked', 0);
  let pos = 0;
  for (;;) {
    const step = reader.step(CHUNKED, pos, CHUNKED.length);
    pos = reader.pos;
    if (step === 'end') return reader.received;
    if (step !== 'data') throw new Error(reader.detail);
  }
}

const REQUEST_BYTES = Buffer.from(REQUEST, 'latin1');
const RESPONSE_BYTES = Buffer.from(RESPONSE, 'latin1');
const SUBJECTS = [
  ['latin1Slice alone, request', () => REQUEST_BYTES.latin1Slice(0, REQUEST_BYTES.length).length],
  ['latin1Slice alone, response', () => RESPONSE_BYTES.latin1Slice(0, RESPONSE_BYTES.length).length],
  [
    `request head (${REQUEST.length} B)`,
    () => parseRequestHead(REQUEST_BYTES.latin1Slice(0, REQUEST_BYTES.length), LIMITS, 'http').fields.length,
  ],
  [
    `response head (${RESPONSE.length} B)`,
    () => parseResponseHead(RESPONSE_BYTES.latin1Slice(0, RESPONSE_BYTES.length), LIMITS, 'GET').fields.length,
  ],
  ['chunked body, 16 x 1 KiB', readChunked],
];

/** Nanoseconds per message. */
export async function run() {
  return SUBJECTS.map(([name, parse]) => measure(name, parse));
}

/** Few enough calls that the young generation holds all that they allocate. */
function bytesPerCall(call) {
  const calls = 500;
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < calls; n++) call();
  return Math.round((process.memoryUsage().heapUsed - before) / calls);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, ns } of await run()) console.log(`${name}: ${ns} ns`);
  if (globalThis.gc !== undefined) {
    for (const [name, parse] of SUBJECTS) console.log(`${name}: ${bytesPerCall(parse)} bytes`);
  }
}
