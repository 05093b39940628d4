/**
 * What a careful engineer builds from node:http and undici: its BalancedPool, which prefers backends without errors, and its
 * retry interceptor: a second for each try, two retries of what may be repeated, on errors and on 500, 502 to 504.
 */

import { pipeline } from 'node:stream';
import { BalancedPool, interceptors } from 'undici';
import { backends, serve } from '../../proxy/targets/front.mjs';

const TRY_MS = 1_000;
const HOP_BY_HOP = new Set(
  'connection keep-alive proxy-connection transfer-encoding te trailer upgrade expect'.split(' '),
);

const pool = new BalancedPool(
  backends.map((port) => `http://127.0.0.1:${port}`),
  { connections: 64, headersTimeout: TRY_MS, bodyTimeout: 5 * TRY_MS, connect: { timeout: TRY_MS } },
).compose(
  interceptors.retry({
    maxRetries: 2,
    minTimeout: 10,
    maxTimeout: 50,
    methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'],
    statusCodes: [500, 502, 503, 504],
    errorCodes: [
      'ECONNRESET',
      'ECONNREFUSED',
      'EPIPE',
      'UND_ERR_SOCKET',
      'UND_ERR_HEADERS_TIMEOUT',
      'UND_ERR_CONNECT_TIMEOUT',
    ],
  }),
);

serve(async (request, response) => {
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.has(name)));
  const { method = 'GET', url: path = '/' } = request;
  const body = headers['content-length'] === undefined ? null : request;
  try {
    const answer = await pool.request({ path, method, headers, body });
    const fields = Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.has(name));
    response.writeHead(answer.statusCode, Object.fromEntries(fields));
    pipeline(answer.body, response, () => {});
  } catch (error) {
    if (response.headersSent) response.destroy();
    else response.writeHead(error.statusCode ?? 502).end();
  }
});
