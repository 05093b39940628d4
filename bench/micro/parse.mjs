// What one head costs to parse: nanoseconds and bytes of young generation per head. Run after `npm run build`:
//   node --expose-gc bench/micro/parse.mjs

import { BodyReader } from '../../dist/http1/body-reader.js';
import { parseRequestHead } from '../../dist/http1/request-head.js';
import { parseResponseHead } from '../../dist/http1/response-head.js';

const LIMITS = { headerBytes: 16_384, headerCount: 100, underscoreHeaders: 'reject' };
const ROUNDS = 7;
const PER_ROUND = 200_000;

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

// As on the wire: every head is a fresh string out of a socket's buffer.
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

for (const [name, run] of SUBJECTS) {
  let sum = 0;
  for (let i = 0; i < PER_ROUND; i++) sum += run();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = process.hrtime.bigint();
    for (let i = 0; i < PER_ROUND; i++) sum += run();
    best = Math.min(best, Number(process.hrtime.bigint() - begin) / PER_ROUND);
  }
  if (sum === 0) throw new Error('nothing was parsed');
  console.log(`${name}: ${best.toFixed(0)} ns, ${bytesPerRun(run)}`);
}

// Few enough runs that the young generation holds them all.
function bytesPerRun(run) {
  if (globalThis.gc === undefined) return 'bytes unknown without --expose-gc';
  const runs = 500;
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < runs; i++) run();
  return `${Math.round((process.memoryUsage().heapUsed - before) / runs)} bytes`;
}
