/** HTTP/2 to backends over TLS: agreed by ALPN, under the rules for certificates, and kept apart from what was opened under others. */

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { contentOf, createAuthority, hasOpenssl } from '../support/certificates.ts';
import { answerOk, startHttp2Backend } from '../support/http2-backend.ts';
import { startProxy } from '../support/proxy.ts';

function createBackendFiles() {
  const authority = createAuthority();
  return { authority, issued: authority.issue('backend', { names: ['IP:127.0.0.1'] }) };
}

describe.skipIf(!hasOpenssl)('an HTTP/2 backend over TLS', () => {
  it('that proves its name gets requests, many on one connection [R73]', async () => {
    const { authority, issued } = createBackendFiles();
    const backend = await startHttp2Backend(answerOk, contentOf(issued));
    const { port } = await startProxy({
      backends: [backend.origin],
      upstream: { protocol: 'h2', tls: { ca_file: authority.certFile } },
    });
    for (let i = 0; i < 3; i++) expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('ok');
    expect(backend.streams[0]?.headers).toMatchObject({ ':scheme': 'https', 'x-forwarded-proto': 'http' });
    expect(backend.sessions).toHaveLength(1);
  });

  it('that does not prove its name gets nothing', async () => {
    const { issued } = createBackendFiles();
    const backend = await startHttp2Backend(answerOk, contentOf(issued));
    const { port } = await startProxy({ backends: [backend.origin], upstream: { protocol: 'h2' } });
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(502);
    expect(backend.streams).toHaveLength(0);
  });

  it('that speaks HTTP/1 alone gets nothing', async () => {
    const { authority, issued } = createBackendFiles();
    let requests = 0;
    const server = createServer(contentOf(issued), (_, response) => {
      requests++;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = await startProxy({
      backends: [`https://127.0.0.1:${(server.address() as AddressInfo).port}`],
      upstream: { protocol: 'h2', tls: { ca_file: authority.certFile } },
    });
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(502);
    expect(requests).toBe(0);
  });

  it('is connected to anew after our files have changed', { timeout: 20_000 }, async () => {
    const { authority, issued } = createBackendFiles();
    const backend = await startHttp2Backend(answerOk, contentOf(issued));
    const { port } = await startProxy({
      backends: [backend.origin],
      upstream: { protocol: 'h2', tls: { ca_file: authority.certFile } },
    });
    const ask = () => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.status);
    expect(await ask()).toBe(200);
    // Another authority, in the same file: whoever was trusted is not any more.
    createAuthority('authority', dirname(authority.certFile));
    await expect.poll(ask, { timeout: 15_000, interval: 200 }).toBe(502);
  });
});
