/**
 * The one exchange that every target is measured with: ten realistic header fields each way, as a browser's call to an
 * API behind a load balancer has them. Path, request id and cookie vary, as no real traffic repeats itself.
 */

const VARIANTS = 1024;

/** The fields of request `n`, without Host. @param {number} n @returns {Record<string, string>} */
function requestFields(n) {
  return {
    'user-agent':
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    accept: 'application/json, text/plain, */*',
    'accept-language': 'en-GB,en;q=0.9,de;q=0.8',
    'accept-encoding': 'gzip, deflate, br, zstd',
    referer: 'https://shop.example.com/account/orders',
    authorization: 'Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl',
    cookie: `session=${hex(n, 32)}; theme=dark; consent=analytics%3D0`,
    'x-request-id': `${hex(n, 8)}-${hex(n + 1, 4)}-4${hex(n + 2, 3)}-a${hex(n + 3, 3)}-${hex(n + 4, 12)}`,
    'cache-control': 'no-cache',
  };
}

/** Digits that look random and depend on `n` only. @param {number} n @param {number} length */
function hex(n, length) {
  let digits = '';
  for (
    let word = Math.imul(n + 1, 0x9e3779b1) >>> 0;
    digits.length < length;
    word = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d) >>> 0
  ) {
    digits += word.toString(16).padStart(8, '0');
  }
  return digits.slice(0, length);
}

/** Requests to be sent in turn, of ten fields with Host. @returns {{ path: string, headers: Record<string, string> }[]} */
export function requests() {
  return Array.from({ length: VARIANTS }, (_, n) => ({
    path: `/v1/customers/${n * 37}/orders?page=${n % 20}&sort=-created`,
    headers: { host: 'api.example.com', ...requestFields(n) },
  }));
}

/** The same as they go over the wire. */
export function requestHeads() {
  return requests().map(({ path, headers }) => {
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `GET ${path} HTTP/1.1\r\n${fields.join('')}\r\n`;
  });
}

/** @param {number} size in bytes */
export function responseBody(size) {
  return `{"items":"${'x'.repeat(size - 12)}"}`;
}

/** The fields of an answer, ten with Content-Length. */
export const responseFields = {
  date: 'Sat, 21 Nov 2026 06:00:00 GMT',
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'private, max-age=0, must-revalidate',
  etag: 'W/"3f80f-1b6a3e2d9c"',
  vary: 'accept-encoding, origin',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  server: 'orders/1.42.0',
};
