/** Long bodies pass through, they are not kept: uploads of any size in flat memory, and events as they happen. */

import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { LARGE_BYTES, writeLargeBody, writeLargeFile } from '../support/large-body.ts';
import { watchMemory } from '../support/memory.ts';
import { startProxyProcess, temporaryFolder, transitionsInOrder } from '../support/processes.ts';
import { createWatch } from '../support/until.ts';
import { startNodeServer } from '../support/web-servers.ts';

/** Half of one body: the garbage of a transfer may wait for its collection, a body may not be kept. */
const MAX_GROWTH_MIB = 100;

it.each([
  ['of known length', { 'content-length': LARGE_BYTES }],
  ['in chunks', { 'transfer-encoding': 'chunked' }],
])(
  'an upload of 200 MiB %s arrives byte-identical, and the proxy stays small [F66]',
  { timeout: 60_000 },
  async (_, headers) => {
    const proxy = await startProxied(temporaryFolder());
    const memory = watchMemory(proxy.pid);
    const upload = request({ host: '127.0.0.1', port: proxy.port, method: 'PUT', path: '/upload', headers });
    const answer = new Promise<string>((resolve, reject) => {
      upload.once('error', reject);
      upload.once('response', (response) => response.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    });
    const sha256 = await writeLargeBody(upload);
    expect(JSON.parse(await answer)).toEqual({ sha256, bytes: LARGE_BYTES });
    expect(memory.growthMiB()).toBeLessThan(MAX_GROWTH_MIB);
  },
);

it('a client that does not read stops its backend and nobody else, and gets everything in the end [F59 F66]', {
  timeout: 60_000,
}, async () => {
  const root = temporaryFolder();
  await writeLargeFile(join(root, 'large.bin'));
  const proxy = await startProxied(root);
  const memory = watchMemory(proxy.pid);
  const stalled = connect(proxy.port, '127.0.0.1').pause();
  onTestFinished(() => void stalled.destroy());
  stalled.write('GET /large.bin HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
  // As long as another client takes for the whole file, the stalled one's could have been read into memory.
  const other = await fetch(`http://127.0.0.1:${proxy.port}/large.bin`);
  expect((await other.arrayBuffer()).byteLength).toBe(LARGE_BYTES);
  expect(memory.growthMiB()).toBeLessThan(MAX_GROWTH_MIB);
  let received = 0;
  stalled.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  stalled.resume();
  await new Promise((resolve) => stalled.once('end', resolve));
  expect(received).toBeGreaterThan(LARGE_BYTES);
  expect(memory.growthMiB()).toBeLessThan(MAX_GROWTH_MIB);
});

it('server-sent events pass one by one, as they happen', { timeout: 20_000 }, async () => {
  const proxy = await startProxied(temporaryFolder());
  const base = `http://127.0.0.1:${proxy.port}`;
  const watch = createWatch();
  let received = '';
  const stream = request(`${base}/events`, (response) => {
    response.on('data', (chunk: Buffer) => {
      received += chunk.toString();
      watch.notify();
    });
    // The test itself ends the stream.
    response.on('error', () => {});
  });
  stream.on('error', () => {});
  stream.end();
  const seen = (text: string) =>
    watch.until(
      () => received.endsWith(text) || null,
      () => `only ${JSON.stringify(received)}`,
    );
  await seen(': open\n\n');
  for (const text of ['one', 'two', 'three']) {
    await fetch(`${base}/events?text=${text}`, { method: 'POST' });
    await seen(`data: ${text}\n\n`);
  }
  stream.destroy();
});

async function startProxied(root: string) {
  const server = await startNodeServer(root);
  const proxy = await startProxyProcess({
    upstreams: {
      web: {
        backends: [{ id: 'node', url: `http://127.0.0.1:${server.port}` }],
        probe: { interval: '1s', fast_interval: '100ms' },
      },
    },
  });
  await transitionsInOrder(proxy, 'node', ['up']);
  return proxy;
}
