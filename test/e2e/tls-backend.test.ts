/** The whole proxy towards https backends: requests and probes keep the same rules, and nothing is sent to an impostor. */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createSecureServer as createHttp2SecureServer } from 'node:http2';
import { createServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { contentOf, createAuthority, hasOpenssl, type IssuedCertificate } from '../support/certificates.ts';

import { startProxy } from '../support/proxy.ts';

/** A server's https address. */
async function addressOf(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface TlsBackend {
  readonly url: string;
  /** Targets asked for. */
  readonly requests: string[];
  /** Handshakes that were finished. */
  readonly handshakes: { resumed: boolean }[];
}

async function startBackend(
  issued: IssuedCertificate,
  options: ServerOptions = {},
  answer: RequestListener = (_, response) => void response.end('hello'),
): Promise<TlsBackend> {
  const requests: string[] = [];
  const handshakes: { resumed: boolean }[] = [];
  const server = createServer({ ...contentOf(issued), ...options }, (request, response) => {
    requests.push(request.url ?? '');
    answer(request, response);
  });
  server.on('secureConnection', (socket) => handshakes.push({ resumed: socket.isSessionReused() }));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: await addressOf(server), requests, handshakes };
}

function get(port: number, path = '/', init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, init);
}

/** What the last probe of `b` said, once there was one. */
async function probeDetail(adminPort: number | null): Promise<string> {
  const detail = async () => {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/health/app/b`);
    const { evidence } = (await answer.json()) as { evidence: { probe: { last: { detail: string } | null } } };
    return evidence.probe.last?.detail ?? '';
  };
  await expect.poll(detail, { timeout: 8_000 }).not.toBe('');
  return detail();
}

function backendsOf(url: string): object {
  return { backends: [{ id: 'b', url }] };
}

describe.skipIf(!hasOpenssl)('an upstream with https backends', () => {
  it('sends requests over TLS and keeps the connections', async () => {
    const authority = createAuthority();
    const backend = await startBackend(authority.issue('b.example'), {}, (request, response) => {
      request.pipe(response);
    });
    const tls = { ca_file: authority.certFile, server_name: 'b.example' };
    const { port } = await startProxy({ backends: [], upstream: { ...backendsOf(backend.url), tls } });
    const body = Buffer.alloc(3_000_000, 'x');
    for (const path of ['/1', '/2', '/3']) {
      const answer = await get(port, path, { method: 'POST', body });
      expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
    }
    expect(backend.requests).toEqual(['/1', '/2', '/3']);
    expect(backend.handshakes).toEqual([{ resumed: false }]);
  });

  it('names the backend as the Host where told to', async () => {
    const authority = createAuthority();
    const hosts: (string | undefined)[] = [];
    const backend = await startBackend(
      authority.issue('b', { names: ['IP:127.0.0.1'] }),
      {},
      ({ headers }, response) => {
        hosts.push(headers.host);
        response.end();
      },
    );
    const upstream = { ...backendsOf(backend.url), tls: { ca_file: authority.certFile }, host: 'backend' };
    const { port } = await startProxy({ backends: [], upstream });
    await get(port);
    expect(hosts).toEqual([backend.url.slice('https://'.length)]);
  });

  it('stops a backend that answers faster than the client reads', async () => {
    const authority = createAuthority();
    let written = 0;
    const backend = await startBackend(authority.issue('b', { names: ['IP:127.0.0.1'] }), {}, (_, response) => {
      const chunk = Buffer.alloc(65_536);
      const more = () => {
        while (written < 200_000_000 && response.write(chunk)) written += chunk.length;
      };
      response.on('drain', more);
      more();
    });
    const upstream = { ...backendsOf(backend.url), tls: { ca_file: authority.certFile } };
    const { port } = await startProxy({ backends: [], upstream });
    const aborting = new AbortController();
    const answer = await get(port, '/', { signal: aborting.signal });
    expect(answer.status).toBe(200);
    let before = -1;
    await expect
      .poll(
        () => {
          const isStill = written === before;
          before = written;
          return isStill;
        },
        { timeout: 8_000, interval: 300 },
      )
      .toBe(true);
    expect(written).toBeLessThan(100_000_000);
    aborting.abort();
  });

  it.each([
    ['an unknown authority', {}, /^certificate of b comes from an unknown authority/],
    [
      'another name',
      { server_name: 'c.example' },
      /^certificate of b is not valid for c\.example \(it names DNS:b\.example\)/,
    ],
  ])('sends nothing to a backend with a certificate of %s, and tells why [F83]', async (_, change, sentence) => {
    const authority = createAuthority();
    const backend = await startBackend(authority.issue('b.example'));
    const good = { ca_file: authority.certFile, server_name: 'b.example' };
    const tls = 'server_name' in change ? { ...good, ...change } : { server_name: 'b.example' };
    const probe = { path: '/healthz', interval: '1h', timeout: '5s' };
    const { port, adminPort } = await startProxy({
      admin: true,
      backends: [],
      upstream: { ...backendsOf(backend.url), tls, probe },
    });
    const answer = await get(port);
    expect([answer.status, await answer.json()]).toMatchObject([502, { error: 'bad_gateway' }]);
    expect(await probeDetail(adminPort)).toMatch(sentence);
    expect(backend.requests).toEqual([]);
  });

  it('takes an answer in cleartext for no answer [F83]', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno');
      onTestFinished(() => void socket.destroy());
    });
    onTestFinished(() => void server.close());
    const upstream = { ...backendsOf(await addressOf(server)), tls: { verify: false } };
    const { port } = await startProxy({ backends: [], upstream });
    expect((await get(port)).status).toBe(502);
  });

  it('counts the handshake in the time to connect', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      onTestFinished(() => void socket.destroy());
    });
    onTestFinished(() => void server.close());
    const upstream = { ...backendsOf(await addressOf(server)), timeouts: { connect: '200ms' }, retry: { attempts: 0 } };
    const { port } = await startProxy({ backends: [], upstream });
    expect((await get(port)).status).toBe(504);
  });

  it('goes on with a backend that closes idle connections', async () => {
    const authority = createAuthority();
    const backend = await startBackend(authority.issue('b', { names: ['IP:127.0.0.1'] }), {}, (_, response) => {
      response.setHeader('connection', 'close').end('hello');
    });
    const upstream = { ...backendsOf(backend.url), tls: { ca_file: authority.certFile } };
    const { port } = await startProxy({ backends: [], upstream });
    for (let count = 0; count < 4; count++) expect(await (await get(port)).text()).toBe('hello');
    expect(backend.handshakes.map(({ resumed }) => resumed)).toEqual([false, true, true, true]);
  });

  it('opens new connections under renewed files, without a failed request', async () => {
    const first = createAuthority('first');
    const backend = await startBackend(first.issue('b', { names: ['IP:127.0.0.1'] }));
    const upstream = { ...backendsOf(backend.url), tls: { ca_file: first.certFile } };
    const { port } = await startProxy({ backends: [], upstream });
    expect((await get(port)).status).toBe(200);
    const both = [first, createAuthority('second')].map(({ certFile }) => readFileSync(certFile));
    writeFileSync(first.certFile, Buffer.concat(both));
    const again = async () => {
      expect((await get(port)).status).toBe(200);
      return backend.handshakes.length;
    };
    await expect.poll(again, { timeout: 15_000, interval: 50 }).toBe(2);
  }, 30_000);
});

describe.skipIf(!hasOpenssl)('an upstream with https backends and protocol h2', () => {
  it('speaks HTTP/2 over one verified connection', async () => {
    const authority = createAuthority();
    const server = createHttp2SecureServer(contentOf(authority.issue('b.example')));
    let sessions = 0;
    server.on('stream', (stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.end(`hello ${headers[':scheme']}`);
    });
    server.on('session', (session) => {
      sessions++;
      onTestFinished(() => session.destroy());
    });
    onTestFinished(() => void server.close());
    const upstream = {
      ...backendsOf(await addressOf(server as unknown as Server)),
      protocol: 'h2',
      tls: { ca_file: authority.certFile, server_name: 'b.example' },
    };
    const { port } = await startProxy({ backends: [], upstream });
    for (let count = 0; count < 3; count++) expect(await (await get(port)).text()).toBe('hello https');
    expect(sessions).toBe(1);

    const impostor = { ...upstream, tls: { ...upstream.tls, server_name: 'c.example' } };
    const strict = await startProxy({ backends: [], upstream: impostor });
    expect((await get(strict.port)).status).toBe(502);
    expect(sessions).toBe(1);
  });

  it('does not speak it with a backend that has not agreed to it', async () => {
    const authority = createAuthority();
    const backend = await startBackend(authority.issue('b', { names: ['IP:127.0.0.1'] }));
    const upstream = { ...backendsOf(backend.url), protocol: 'h2', tls: { ca_file: authority.certFile } };
    const { port } = await startProxy({ backends: [], upstream });
    expect((await get(port)).status).toBe(502);
    expect(backend.requests).toEqual([]);
  });
});

describe.skipIf(!hasOpenssl)('probes of https backends', () => {
  const PROBE = { interval: '1h', timeout: '5s' };

  it.each(['http', 'tcp', 'grpc'])('of type %s keep the rules of requests', async (type) => {
    const authority = createAuthority();
    const clients = createAuthority('clients');
    const asking = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(clients.certFile) };
    const issued = authority.issue('b.example');
    const us = clients.issue('us');
    const server = type === 'grpc' ? createGrpc(issued, asking) : null;
    const url = server === null ? (await startBackend(issued, asking)).url : await addressOf(server);
    const tls = { ca_file: authority.certFile, server_name: 'b.example', cert_file: us.certFile, key_file: us.keyFile };
    const good = await startProxy({
      admin: true,
      backends: [],
      upstream: { ...backendsOf(url), tls, probe: { type, ...PROBE } },
    });
    expect(await probeDetail(good.adminPort)).toMatch(/^(200 OK|connected|SERVING)$/);
    const strict = { ...tls, server_name: 'c.example' };
    const bad = await startProxy({
      admin: true,
      backends: [],
      upstream: { ...backendsOf(url), tls: strict, probe: { type, ...PROBE } },
    });
    expect(await probeDetail(bad.adminPort)).toMatch(/^certificate of b is not valid for c\.example/);
  });

  it('tell of a backend that speaks no TLS', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    onTestFinished(() => void server.close());
    const upstream = { ...backendsOf(await addressOf(server)), probe: { path: '/', ...PROBE } };
    const { adminPort } = await startProxy({ admin: true, backends: [], upstream });
    expect(await probeDetail(adminPort)).toBe('b does not speak TLS on that port: should its url begin with http://?');
  });
});

/** grpc.health.v1: says SERVING to everything. */
function createGrpc(issued: IssuedCertificate, options: object): Server {
  const server = createHttp2SecureServer({ ...contentOf(issued), ...options });
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
  });
  server.on('session', (session) => onTestFinished(() => session.destroy()));
  onTestFinished(() => void server.close());
  return server as unknown as Server;
}
