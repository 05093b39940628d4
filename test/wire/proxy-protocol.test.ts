/** PROXY headers on a listener that wants them: whose address reaches the backend, and who is turned away without a word. */

import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { headerOf, statusOf } from '../support/message-reader.ts';
import { temporaryFolder } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw, rawExchange } from '../support/raw-client.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';
import { createWatch } from '../support/until.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n';
const V1 = 'PROXY TCP4 203.0.113.7 198.51.100.1 12345 80\r\n';
const V2_IPV6 = Buffer.from(
  '0d0a0d0a000d0a515549540a' +
    '2121002820010db8000000000000000000000007' +
    '20010db80000000000000000000000013039' +
    '0050' +
    '04000100',
  'hex',
).toString('latin1');
const V2_LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex').toString('latin1');

async function start(listener: object) {
  const backend = await startRecordingBackend();
  const proxy = await startProxy({ backends: [backend.url], listener: { proxy_protocol: true, ...listener } });
  return { backend, proxy };
}

const BEHIND_LOOPBACK = { trusted_proxies: ['127.0.0.0/8'] };

describe('a listener with proxy_protocol', () => {
  it.each([
    ['version 1', V1, '203.0.113.7'],
    ['version 2 with a TLV', V2_IPV6, '2001:db8::7'],
    ['UNKNOWN: the balancer itself', 'PROXY UNKNOWN\r\n', '127.0.0.1'],
    ['LOCAL: the balancer itself', V2_LOCAL, '127.0.0.1'],
  ])('tells backends the address that the header gives, and believes nobody else: %s', async (_, header, address) => {
    const { backend, proxy } = await start(BEHIND_LOOPBACK);
    const client = await connectRaw(proxy.port);
    client.send(header + REQUEST);
    expect(statusOf(await client.next())).toBe(200);
    client.send(REQUEST);
    expect(statusOf(await client.next()), 'the header stands before the first request only').toBe(200);
    expect(backend.requests.map((request) => headerOf(request, 'x-forwarded-for'))).toEqual([address, address]);
  });

  it('keeps the forwarded headers of a client that the header names and that is trusted itself', async () => {
    const { backend, proxy } = await start({ trusted_proxies: ['127.0.0.0/8', '203.0.113.0/24'] });
    await rawExchange(proxy.port, `${V1}${REQUEST.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`);
    expect(backend.requests.map((request) => headerOf(request, 'x-forwarded-for'))).toEqual(['192.0.2.1, 203.0.113.7']);
  });

  it('reads a header that comes byte by byte, with the request at its heels', async () => {
    const { backend, proxy } = await start(BEHIND_LOOPBACK);
    for (const header of [V1, V2_IPV6]) {
      const client = await connectRaw(proxy.port);
      await client.trickle(header + REQUEST);
      expect(statusOf(await client.next())).toBe(200);
    }
    expect(backend.requests.map((request) => headerOf(request, 'x-forwarded-for'))).toEqual([
      '203.0.113.7',
      '2001:db8::7',
    ]);
  });

  it.each([
    ['none, but a request', REQUEST],
    ['a malformed one', `PROXY TCP4 203.0.113.7 198.51.100.1 12345 65536\r\n${REQUEST}`],
    ['one that never ends', `PROXY UNKNOWN ${'x'.repeat(107)}`],
    ['a second one', `${V1}${V1}${REQUEST}`],
    ['one of 64 KiB', Buffer.from('0d0a0d0a000d0a515549540a2111ffff', 'hex').toString('latin1') + 'x'.repeat(65_535)],
  ])('closes without an answer, and asks no backend, when the header is %s', async (what, bytes) => {
    const { backend, proxy } = await start(BEHIND_LOOPBACK);
    const { received } = await rawExchange(proxy.port, bytes);
    // To HTTP, a second header is a bad request line.
    if (what === 'a second one') expect(received).toMatch(/^HTTP\/1\.1 400 /);
    else expect(received).toBe('');
    expect(backend.requests).toEqual([]);
  });

  it('closes on whoever is no trusted proxy, header or not', async () => {
    const { backend, proxy } = await start({ trusted_proxies: ['192.0.2.0/24'] });
    expect((await rawExchange(proxy.port, V1 + REQUEST)).received).toBe('');
    expect((await rawExchange(proxy.port, REQUEST)).received).toBe('');
    expect(backend.requests).toEqual([]);
  });

  it('closes when the header has not come within the handshake time-out', async () => {
    const { proxy } = await start({ ...BEHIND_LOOPBACK, timeouts: { handshake: '150ms' } });
    expect((await rawExchange(proxy.port, '')).received).toBe('');
    expect((await rawExchange(proxy.port, V1.slice(0, 20))).received).toBe('');
  });

  it('counts connections that have not sent theirs against the limit', async () => {
    const { proxy } = await start({ ...BEHIND_LOOPBACK, limits: { connections: 2 } });
    const waiting = [await connectRaw(proxy.port), await connectRaw(proxy.port)];
    expect((await rawExchange(proxy.port, V1 + REQUEST)).received).toBe('');
    waiting[0]?.send(V1 + REQUEST);
    expect(statusOf(await (waiting[0] as (typeof waiting)[number]).next())).toBe(200);
  });

  it('takes the header from everybody who may open its unix socket', async () => {
    const path = join(temporaryFolder(), 'socket');
    const backend = await startRecordingBackend();
    await startProxy({
      backends: [backend.url],
      listener: { proxy_protocol: true, bind: ['127.0.0.1:0', `unix:${path}`] },
    });
    expect(existsSync(path)).toBe(true);
    const watch = createWatch();
    const socket = connect(path);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      watch.notify();
    });
    socket.write(V1 + REQUEST);
    await watch.until(
      () => received.includes('200 OK') || null,
      () => `only ${received}`,
    );
    socket.destroy();
    expect(backend.requests.map((request) => headerOf(request, 'x-forwarded-for'))).toEqual(['203.0.113.7']);
  });
});

it('a listener without proxy_protocol takes a PROXY header for a bad request', async () => {
  const backend = await startRecordingBackend();
  const proxy = await startProxy({ backends: [backend.url], listener: BEHIND_LOOPBACK });
  for (const header of [V1, V2_LOCAL]) {
    expect((await rawExchange(proxy.port, header + REQUEST)).received).toMatch(/^HTTP\/1\.1 400 /);
  }
  expect(backend.requests).toEqual([]);
});
