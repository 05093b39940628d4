import { once } from 'node:events';
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Clock } from '../../../src/base/time.ts';
import type { Backend } from '../../../src/model/backend.ts';
import type { UpstreamTls } from '../../../src/model/settings.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { BackendTls, type ConnectOptions } from '../../../src/tls/backend-tls.ts';
import { FileWatch } from '../../../src/tls/file-watch.ts';
import {
  type Authority,
  contentOf,
  createAuthority,
  createSelfSigned,
  hasOpenssl,
  type IssuedCertificate,
} from '../../support/certificates.ts';

const SETTINGS: UpstreamTls = { verify: true, caFile: null, serverName: null, certFile: null, keyFile: null };

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function backendAt(server: Server): Promise<Backend> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const url = `https://127.0.0.1:${port}`;
  return { id: 'b', slot: 0, url, tls: true, host: '127.0.0.1', port, weight: 1, priority: 0, labels: {} };
}

/** A server that says `hello` on every connection; `sessions` tells which of them resumed an earlier one. */
async function serve(issued: IssuedCertificate, options: TlsOptions = {}) {
  const resumed: boolean[] = [];
  const server = createServer({ ...contentOf(issued), ...options }, (socket) => {
    resumed.push(socket.isSessionReused());
    socket.on('error', () => {});
    socket.write('hello');
    onTestFinished(() => void socket.destroy());
  });
  server.on('tlsClientError', (_, socket) => socket.destroy());
  return { backend: await backendAt(server), resumed };
}

async function createTls(overrides: Partial<UpstreamTls>, clock: Clock = systemClock) {
  const files = new FileWatch({ clock: systemClock, log: silent });
  onTestFinished(() => files.close());
  const tls = new BackendTls({ upstream: 'app', settings: { ...SETTINGS, ...overrides }, files, clock, log: silent });
  await tls.start();
  return { tls, files };
}

/** What a connection came to, when it is closed: `hello`, or the sentence about what was wrong. */
function connect(tls: BackendTls, backend: Backend, options: Partial<ConnectOptions> = {}): Promise<string> {
  return new Promise((resolve) => {
    let isSecure = false;
    let outcome = 'closed';
    const onSecure = () => {
      isSecure = true;
    };
    const socket: TLSSocket = tls.connect(backend, { protocol: 'http/1.1', onSecure, ...options });
    onTestFinished(() => void socket.destroy());
    socket.on('data', (data) => {
      outcome = isSecure ? String(data) : `${data}, before the handshake was over`;
      socket.destroy();
    });
    socket.on('error', (error) => {
      outcome = tls.explain(error, backend).message;
    });
    // Tickets that came with the data are told of after it.
    socket.on('close', () => resolve(outcome));
  });
}

describe.skipIf(!hasOpenssl)('TLS to a backend', () => {
  it('is spoken with a backend that proves its name by an authority that we name', async () => {
    const authority = createAuthority();
    const { backend } = await serve(authority.issue('b.example'));
    const { tls } = await createTls({ caFile: authority.certFile, serverName: 'b.example' });
    expect(await connect(tls, backend)).toBe('hello');
  });

  it('takes an address for an identity where the backend has no name', async () => {
    const authority = createAuthority();
    const { tls } = await createTls({ caFile: authority.certFile });
    const seen: unknown[] = [];
    const SNICallback: TlsOptions['SNICallback'] = (name, done) => {
      seen.push(name);
      done(null);
    };
    const { backend } = await serve(authority.issue('addressed', { names: ['IP:127.0.0.1'] }), { SNICallback });
    expect(await connect(tls, backend)).toBe('hello');
    expect(seen, 'no address is sent as a name').toEqual([]);
    const other = await serve(authority.issue('b.example'));
    expect(await connect(tls, other.backend)).toBe(
      'certificate of b is not valid for 127.0.0.1 (it names DNS:b.example): set tls.server_name to a name that it carries',
    );
  });

  it('tells what is wrong with a certificate and what to do, and sends nothing [F83]', async () => {
    const authority = createAuthority();
    const tlsOf = async (caFile: string | null) => (await createTls({ caFile, serverName: 'b.example' })).tls;
    const good = await tlsOf(authority.certFile);
    const system = await tlsOf(null);
    const answerOf = async (tls: BackendTls, issued: IssuedCertificate) => connect(tls, (await serve(issued)).backend);

    expect(await answerOf(good, authority.issue('c.example'))).toBe(
      'certificate of b is not valid for b.example (it names DNS:c.example): set tls.server_name to a name that it carries',
    );
    expect(await answerOf(good, authority.issue('b.example', { days: -1 }))).toBe(
      'certificate of b, or one above it, has expired: renew it there',
    );
    expect(await answerOf(good, createSelfSigned('b.example'))).toBe(
      'certificate of b is self-signed: name it in tls.ca_file to trust it',
    );
    const unknown =
      'certificate of b comes from an unknown authority: name that in tls.ca_file, or have b send its intermediate certificates';
    expect(await answerOf(system, authority.issue('b.example'))).toBe(unknown);
    expect(await answerOf(good, createAuthority('other').issue('b.example'))).toBe(unknown);
  });

  it('trusts a self-signed certificate that is named as its own authority', async () => {
    const issued = createSelfSigned('b.example');
    const { tls } = await createTls({ caFile: issued.certFile, serverName: 'b.example' });
    expect(await connect(tls, (await serve(issued)).backend)).toBe('hello');
  });

  it('takes anybody when it is told not to verify', async () => {
    const { tls } = await createTls({ verify: false });
    const { backend } = await serve(createSelfSigned('c.example'));
    expect(await connect(tls, backend)).toBe('hello');
    expect(await connect(tls, backend), 'a resumed session').toBe('hello');
  });

  it('shows our certificate to backends that ask for one', async () => {
    const authority = createAuthority();
    const asking = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(authority.certFile) };
    const { backend } = await serve(authority.issue('b.example'), asking);
    const common = { caFile: authority.certFile, serverName: 'b.example' };
    const { tls: known } = await createTls({ ...common, ...authority.issue('us') });
    expect(await connect(known, backend)).toBe('hello');
    const { tls: nobody } = await createTls(common);
    expect(await connect(nobody, backend)).not.toBe('hello');
  });

  it.each([
    ['an answer in cleartext', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
    ['other bytes', '\0'.repeat(100)],
  ])('takes %s before the handshake for an error [F83]', async (_, bytes) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.write(bytes);
      onTestFinished(() => void socket.destroy());
    });
    const { tls } = await createTls({ verify: false });
    expect(await connect(tls, await backendAt(server))).toMatch(/does not speak TLS|^TLS with b failed/);
  });

  it('says so when the backend closes during the handshake', async () => {
    const server = createTcpServer((socket) => socket.once('data', () => socket.end()));
    const { tls } = await createTls({});
    expect(await connect(tls, await backendAt(server))).toBe('b closed the connection during the TLS handshake');
  });

  it('agrees on the protocol: HTTP/2 only when the backend says so, HTTP/1.1 also when it says nothing', async () => {
    const authority = createAuthority();
    const { tls } = await createTls({ caFile: authority.certFile, serverName: 'b.example' });
    const issued = authority.issue('b.example');
    const { backend: mute } = await serve(issued);
    const { backend: both } = await serve(issued, { ALPNProtocols: ['http/1.1', 'h2'] });
    const { backend: old } = await serve(issued, { ALPNProtocols: ['http/1.1'] });
    expect(await connect(tls, both, { protocol: 'h2' })).toBe('hello');
    expect(await connect(tls, both)).toBe('hello');
    expect(await connect(tls, mute)).toBe('hello');
    expect(await connect(tls, mute, { protocol: 'h2' })).toBe(
      'b does not speak HTTP/2 over TLS: set protocol to http1',
    );
    expect(await connect(tls, old, { protocol: 'h2' })).toBe(
      "b does not offer the upstream's protocol over TLS (ALPN)",
    );
  });
});

describe.skipIf(!hasOpenssl)('a session with a backend', () => {
  async function start(clock?: Clock, options: TlsOptions = {}) {
    const authority = createAuthority();
    const { backend, resumed } = await serve(authority.issue('b.example'), options);
    const created = await createTls({ caFile: authority.certFile, serverName: 'b.example' }, clock);
    return { authority, backend, resumed, ...created };
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'is resumed with %s, but not by whoever wants a fresh handshake',
    async (version) => {
      const { backend, resumed, tls } = await start(undefined, { maxVersion: version });
      expect(await connect(tls, backend)).toBe('hello');
      expect(await connect(tls, backend)).toBe('hello');
      expect(await connect(tls, backend, { isFresh: true })).toBe('hello');
      expect(resumed).toEqual([false, true, false]);
    },
  );

  it('is not taken to another backend, protocol or port', async () => {
    const { authority, backend, resumed, tls } = await start();
    await connect(tls, backend);
    await connect(tls, { ...backend, id: 'c' });
    await connect(tls, { ...backend, url: `${backend.url}/` });
    await connect(tls, backend, { protocol: null });
    expect(resumed).toEqual([false, false, false, false]);
    const another = await createTls({ caFile: authority.certFile, serverName: 'b.example' });
    await connect(another.tls, backend);
    expect(resumed.at(-1), 'another upstream').toBe(false);
  });

  it('is not resumed when the certificate behind it has expired, or was last shown an hour ago [F83]', async () => {
    let elapsedMs = 0;
    const clock: Clock = { ...systemClock, wall: () => systemClock.wall() + elapsedMs };
    const { backend, resumed, tls } = await start(clock);
    for (const days of [0, 0, 0, 1, 1, 40]) {
      elapsedMs = days * 86_400_000;
      expect(await connect(tls, backend)).toBe('hello');
    }
    expect(resumed).toEqual([false, true, true, false, true, false]);
  });

  it('ends when the files change, and so does what connections are opened under', async () => {
    const { authority, backend, resumed, tls, files } = await start();
    await connect(tls, backend);
    const before = tls.context;
    expect(tls.context).toBe(before);
    appendFileSync(authority.certFile, readFileSync(createAuthority('second').certFile));
    expect(await files.reload()).toEqual([]);
    expect(tls.context).not.toBe(before);
    expect(await connect(tls, backend)).toBe('hello');
    expect(resumed).toEqual([false, false]);

    const kept = tls.context;
    copyFileSync(authority.keyFile, authority.certFile);
    expect(await files.reload()).toEqual([`${authority.certFile} holds no PEM certificate`]);
    expect(tls.context, 'the last good ones stay').toBe(kept);
  });
});

describe.skipIf(!hasOpenssl)('the files of an upstream', () => {
  it('are a StartError when they are of no use', async () => {
    const authority: Authority = createAuthority();
    const { certFile } = authority.issue('us');
    await expect(createTls({ certFile, keyFile: authority.issue('them').keyFile })).rejects.toThrow(
      /^Cannot use the client certificate of upstream app: the key in .*them\.key does not belong to the certificate in .*us\.pem\.$/,
    );
    await expect(createTls({ caFile: authority.keyFile })).rejects.toThrow(
      /^Cannot use the authorities of upstream app: .*authority\.key holds no PEM certificate\.$/,
    );
  });
});
