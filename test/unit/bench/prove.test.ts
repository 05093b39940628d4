/** Nobody is timed who answers wrongly, and an open loop counts from when a request was due: with real sockets. */

import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { benchModule } from './modules.ts';

const { prove } = await benchModule('proxy/prove.mjs');
const { ROWS } = await benchModule('proxy/rows.mjs');
const { responseBody, responseFields } = await benchModule('proxy/exchange.mjs');

const CLIENT = join(import.meta.dirname, '../../../bench/proxy/clients/open-loop.mjs');

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

/** As a proxy in front of the benchmark's backend answers, but for `change`. */
function answer(
  { url = '', method, rawHeaders }: IncomingMessage,
  response: ServerResponse,
  change: { body?: string; fields?: Record<string, string>; forwarded?: boolean; path?: string } = {},
): void {
  const lines: string[] = [`${method} ${change.path ?? url} HTTP/1.1`];
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  if (change.forwarded !== false) lines.push('x-forwarded-for: 127.0.0.1');
  const body = url.startsWith('/echo') ? lines.join('\r\n') : (change.body ?? responseBody(1024));
  response.writeHead(200, { ...responseFields, 'content-length': body.length, ...change.fields }).end(body);
}

/** What is wrong with a server, in the row of that name. */
async function verdict(name: string, handle: Parameters<typeof listen>[0], forwards = true): Promise<string> {
  const port = await listen(handle);
  const row = ROWS.find((row) => row.name === name) as { readonly name: string };
  return prove({ forwards }, row, { port, tls: null, folder: '' }).then(
    () => 'proven',
    (error: Error) => error.message,
  );
}

it('whoever passes everything on is proven', async () => {
  expect(await verdict('1k', (request, response) => answer(request, response))).toBe('proven');
});

it.each([
  ['a body', { body: responseBody(1024).replace('items', 'other') }, /^body is /],
  ['a shorter body', { body: responseBody(1000) }, /^body is "1000 bytes/],
  ['a field', { fields: { etag: 'W/"other"' } }, /^etag is /],
  ['the path', { path: '/echo' }, /^request line is /],
  ['nothing about the client', { forwarded: false }, /^x-forwarded-for present is false/],
] as const)('whoever changes %s is not', async (_what, change, message) => {
  expect(await verdict('1k', (request, response) => answer(request, response, change))).toMatch(message);
});

it('whoever turns a length into chunks is not', async () => {
  const chunks = (_request: IncomingMessage, response: ServerResponse) =>
    response.writeHead(200, responseFields).end(responseBody(1024));
  expect(await verdict('1k', chunks)).toMatch(/^content-length is undefined/);
});

it('whoever gives no 200 is not', async () => {
  expect(await verdict('1k', (_request, response) => response.writeHead(502).end())).toMatch(/^status is 502/);
});

it('a relay need not say who the client is', async () => {
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    answer(request, response, { forwarded: false });
  expect(await verdict('1k', handle, false)).toBe('proven');
});

it('in the row of new connections, whoever does not close them is not', async () => {
  const keeps = (request: IncomingMessage, response: ServerResponse) =>
    answer(request, response, { fields: { connection: 'keep-alive' } });
  expect(await verdict('connections', keeps)).toMatch(/^connection is "keep-alive"/);
  expect(await verdict('connections', (request, response) => answer(request, response))).toBe('proven');
});

it('a standstill of the server is in the latency of every request that was due meanwhile', async () => {
  const stallMs = 400;
  let stallsUntilMs = 0;
  const port = await listen((request, response) => {
    const nowMs = performance.now();
    // The client does not count its first half second.
    if (stallsUntilMs === 0) stallsUntilMs = nowMs + 500 + stallMs;
    const isStalled = nowMs > stallsUntilMs - stallMs && nowMs < stallsUntilMs;
    setTimeout(() => answer(request, response), isStalled ? stallsUntilMs - nowMs : 0);
  });
  const { stdout } = await promisify(execFile)(process.execPath, [CLIENT, String(port), '200', '1']);
  const result = JSON.parse(stdout) as Record<'requests' | 'errors' | 'p50Ms' | 'p99Ms', number>;
  expect(result.errors).toBe(0);
  // Forty per cent of them came while nothing was answered: a closed loop would have seen one late answer for each connection.
  expect(result.requests).toBeGreaterThan(150);
  expect(result.p99Ms).toBeGreaterThan(0.9 * stallMs);
});
