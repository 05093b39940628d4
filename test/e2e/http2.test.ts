/** HTTP/2 as real clients speak it: curl, nghttp, h2load and Node, in cleartext and over TLS. */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { createAuthority, hasOpenssl } from '../support/certificates.ts';
import { connectHttp2, startHttp2Proxy } from '../support/http2-client.ts';
import { headerOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

const run = promisify(execFile);
const CURL = '/usr/bin/curl';
const NGHTTP = '/usr/bin/nghttp';
const H2LOAD = '/usr/bin/h2load';
const [hasCurl, hasNghttp, hasH2load] = [CURL, NGHTTP, H2LOAD].map((path) => {
  const found = existsSync(path);
  if (!found) console.log(`skipping tests of HTTP/2: ${path} is missing`);
  return found;
});

async function startSecure(listener: object = {}) {
  const authority = createAuthority();
  const { certFile, keyFile } = authority.issue('a.example');
  const backend = await startRecordingBackend();
  const tls = { cert_file: certFile, key_file: keyFile };
  const { port } = await startProxy({ listener: { tls, ...listener }, backends: [backend.url] });
  return { port, backend, caFile: authority.certFile };
}

const byCurl = (...args: string[]) =>
  run(CURL, ['-sS', '--max-time', '15', '-w', ' %{http_version} %{http_code}', ...args]);

it.skipIf(!hasCurl)('curl with prior knowledge', async () => {
  const { port, backend } = await startHttp2Proxy();
  const { stdout } = await byCurl('--http2-prior-knowledge', `http://127.0.0.1:${port}/one`);
  expect(stdout).toBe('GET /one 2 200');
  await byCurl('--http2-prior-knowledge', '-d', 'x'.repeat(100_000), `http://127.0.0.1:${port}/two`);
  expect(backend.requests[1]?.body.length).toBe(100_000);
  expect((await byCurl('--http2-prior-knowledge', '-I', `http://127.0.0.1:${port}/`)).stdout).toMatch(/^HTTP\/2 200/);
});

it.skipIf(!hasCurl)('curl that asks to upgrade is served by HTTP/1 [F46]', async () => {
  const { port } = await startHttp2Proxy();
  expect((await byCurl('--http2', `http://127.0.0.1:${port}/one`)).stdout).toBe('GET /one 1.1 200');
});

it.skipIf(!hasCurl || !hasOpenssl)('curl over TLS agrees on it by ALPN, and the backend hears of https', async () => {
  const { port, backend, caFile } = await startSecure();
  const there = ['--cacert', caFile, '--resolve', `a.example:${port}:127.0.0.1`, `https://a.example:${port}/one`];
  expect((await byCurl('--http2', ...there)).stdout).toBe('GET /one 2 200');
  expect((await byCurl('--http1.1', ...there)).stdout).toBe('GET /one 1.1 200');
  const [overHttp2] = backend.requests;
  if (overHttp2 === undefined) throw new Error('nothing reached the backend');
  expect(headerOf(overHttp2, 'x-forwarded-proto')).toBe('https');
  expect(headerOf(overHttp2, 'via')).toBe('2 pulsegate');
});

it.skipIf(!hasCurl || !hasOpenssl)('it is not offered where it is turned off', async () => {
  const { port, caFile } = await startSecure({ http2: false });
  const there = ['--cacert', caFile, '--resolve', `a.example:${port}:127.0.0.1`, `https://a.example:${port}/one`];
  expect((await byCurl('--http2', ...there)).stdout).toBe('GET /one 1.1 200');
});

it.skipIf(!hasOpenssl)('a host that has another certificate is misdirected [F32]', async () => {
  const authority = createAuthority();
  const a = authority.issue('a.example');
  const b = authority.issue('b.example');
  const backend = await startRecordingBackend();
  const certificates = [{ cert_file: b.certFile, key_file: b.keyFile }];
  const tls = { cert_file: a.certFile, key_file: a.keyFile, certificates };
  const { port } = await startProxy({ listener: { tls }, backends: [backend.url] });
  const client = connectHttp2(`https://localhost:${port}`, {
    ca: readFileSync(authority.certFile),
    servername: 'a.example',
  });
  expect((await client.request({ ':path': '/', ':authority': 'a.example' })).status).toBe(200);
  const misdirected = await client.request({ ':path': '/', ':authority': 'b.example' });
  expect([misdirected.status, JSON.parse(misdirected.body).error]).toEqual([421, 'misdirected_request']);
});

it.skipIf(!hasNghttp)('nghttp: many requests on one connection, with a body and with padding', async () => {
  const { port, backend } = await startHttp2Proxy();
  const urls = Array.from({ length: 20 }, (_, i) => `http://127.0.0.1:${port}/${i}`);
  const { stdout } = await run(NGHTTP, ['-b', '64', ...urls]);
  for (let i = 0; i < 20; i++) expect(stdout).toContain(`GET /${i}`);
  expect(backend.requests.length).toBe(20);
});

it.skipIf(!hasH2load)(
  'h2load: everything it asks for is answered',
  async () => {
    const { port } = await startHttp2Proxy();
    const { stdout } = await run(H2LOAD, ['-n', '1000', '-c', '5', '-m', '30', `http://127.0.0.1:${port}/x`]);
    expect(stdout).toMatch(/1000 succeeded, 0 failed, 0 errored/);
    expect(stdout).toMatch(/status codes: 1000 2xx/);
  },
  40_000,
);

it('a hundred requests of Node at once, each with its own answer', async () => {
  const { port } = await startHttp2Proxy();
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => client.get(`/${i}`)));
  expect(answers.map(({ body }) => body)).toEqual(answers.map((_, i) => `GET /${i}`));
});
