/** TLS in front of HTTP, with certificates made for the occasion: who is served what, who is turned away, and how. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type Authority,
  contentOf,
  createAuthority,
  hasOpenssl,
  type IssuedCertificate,
  OPENSSL,
} from '../support/certificates.ts';
import { headerOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw, rawExchange } from '../support/raw-client.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';
import { connectTls, nameOf } from '../support/tls-client.ts';

const CURL = '/usr/bin/curl';
const hasCurl = existsSync(CURL);
if (!hasCurl) console.log(`skipping a test of TLS: ${CURL} is missing`);

const run = promisify(execFile);

function filesOf({ certFile, keyFile }: IssuedCertificate) {
  return { cert_file: certFile, key_file: keyFile };
}

async function start(tls: object, listener: object = {}) {
  const backend = await startRecordingBackend();
  const proxy = await startProxy({ backends: [backend.url], listener: { tls, ...listener } });
  return { backend, port: proxy.port };
}

/** A listener with certificates for a.example (the default), b.example and *.c.example. */
async function startWithThree(listener: object = {}) {
  const authority = createAuthority();
  const a = authority.issue('a.example');
  const b = authority.issue('b.example');
  const c = authority.issue('c.example', { names: ['DNS:*.c.example'] });
  const certificates = [filesOf(b), { ...filesOf(c), names: ['*.c.example', 'special.example'] }];
  return { authority, ...(await start({ ...filesOf(a), certificates }, listener)) };
}

async function startWithOne(tls: object = {}, listener: object = {}) {
  const authority = createAuthority();
  return { authority, ...(await start({ ...filesOf(authority.issue('a.example')), ...tls }, listener)) };
}

function request(host: string): string {
  return `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

async function isServed(port: number, authority: Authority): Promise<boolean> {
  const client = await connectTls(port, authority, { servername: 'a.example' });
  client.send(request('a.example'));
  await client.until((received) => received.startsWith('HTTP/1.1 200 OK\r\n'));
  client.socket.destroy();
  return true;
}

describe.skipIf(!hasOpenssl)('a listener with TLS', () => {
  it('serves HTTP/1.1, and tells backends so', async () => {
    const { authority, backend, port } = await startWithOne();
    const client = await connectTls(port, authority, { servername: 'a.example', ALPNProtocols: ['http/1.1'] });
    client.send(request('a.example').repeat(2));
    await client.until((received) => received.split('HTTP/1.1 200 OK\r\n').length === 3);
    expect(client.socket.alpnProtocol).toBe('http/1.1');
    expect(client.socket.getProtocol()).toBe('TLSv1.3');
    expect(backend.requests.map((seen) => headerOf(seen, 'x-forwarded-proto'))).toEqual(['https', 'https']);
  });

  it('ends what it closes with a closure alert [R36]', async () => {
    const { authority, port } = await startWithOne();
    const client = await connectTls(port, authority);
    client.send(request('a.example').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    expect(await client.ended()).toBe('');
    expect(client.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    const { stdout } = await openssl(port, ['-quiet', '-msg'], 'GET / HTTP/1.0\r\nHost: a.example\r\n\r\n');
    expect(stdout).toMatch(/<<< TLS 1\.3, Alert .*\n.*01 00/);
  });

  it('chooses the certificate by the name asked for', async () => {
    const { authority, port } = await startWithThree();
    const served = async (servername?: string) =>
      nameOf(await connectTls(port, authority, servername === undefined ? {} : { servername }));
    expect(await served('b.example')).toBe('b.example');
    expect(await served('B.EXAMPLE')).toBe('b.example');
    expect(await served('x.c.example')).toBe('c.example');
    expect(await served('special.example')).toBe('c.example');
    expect(await served('unknown.example')).toBe('a.example');
    expect(await served('x.y.c.example')).toBe('a.example');
    expect(await served()).toBe('a.example');
  });

  it('answers 421 to a host with another certificate than the one the connection was shown [F32]', async () => {
    const { authority, backend, port } = await startWithThree();
    const client = await connectTls(port, authority, { servername: 'b.example' });
    client.send(request('x.c.example'));
    await client.until((received) => received.includes('misdirected_request'));
    expect(client.received()).toMatch(/^HTTP\/1\.1 421 Misdirected Request\r\n/);
    expect(backend.requests).toEqual([]);
    client.send(request(`b.example:${port}`));
    await client.until((received) => received.includes('HTTP/1.1 200 OK\r\n'));

    const nameless = await connectTls(port, authority);
    nameless.send(request('unknown.example'));
    await nameless.until((received) => received.includes('HTTP/1.1 200 OK\r\n'));
  });

  it('allows every host where there is but one certificate', async () => {
    const { authority, port } = await startWithOne();
    const client = await connectTls(port, authority, { servername: 'a.example' });
    client.send(request('other.example'));
    await client.until((received) => received.startsWith('HTTP/1.1 200 OK\r\n'));
  });

  it('refuses clients with which it shares no protocol', async () => {
    const { authority, port } = await startWithOne();
    await expect(connectTls(port, authority, { ALPNProtocols: ['spdy/3'] })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    });
    expect(await isServed(port, authority)).toBe(true);
  });

  it('speaks no version older than the least, and none before TLS 1.2 [R73]', async () => {
    const { authority, port } = await startWithOne({ min_version: '1.3' });
    await expect(connectTls(port, authority, { maxVersion: 'TLSv1.2' })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
    const second = await startWithOne();
    const client = await connectTls(second.port, second.authority, { maxVersion: 'TLSv1.2' });
    expect(client.socket.getProtocol()).toBe('TLSv1.2');
    const { stdout } = await openssl(second.port, ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']);
    expect(stdout).toMatch(/Cipher is \(NONE\)/);
  });

  it('does not renegotiate [R73 F60]', async () => {
    const { authority, port } = await startWithOne();
    // `R` at the beginning of a line asks for it.
    const { stdout, stderr } = await openssl(port, ['-tls1_2'], 'R\n');
    expect(stdout + stderr).toMatch(/RENEGOTIATING/);
    expect(stdout + stderr).toMatch(/no renegotiation/i);
    expect(await isServed(port, authority)).toBe(true);
  });

  it.each([
    ['of 255 bytes', 'x'.repeat(255)],
    ['with a full stop that is none', 'x\u3002c.example'],
    ['with spaces and controls', 'a b\t\x01.example'],
    ['with NUL', 'a.example\0.c.example'],
    ['that is an address', '127.0.0.1'],
    ['of no length', ''],
    ['named like a member of every object', '__proto__'],
  ])('lives with a name %s [F60]', async (_, name) => {
    const { authority, port } = await startWithThree();
    const socket = connect({ port, host: '127.0.0.1' });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.write(clientHello(Buffer.from(name)));
    // Either its own first flight, or an alert.
    expect([0x16, 0x15]).toContain(await new Promise((resolve) => socket.once('data', (data) => resolve(data[0]))));
    expect(await isServed(port, authority)).toBe(true);
  });

  it('closes when the handshake stalls, at each step [F60]', async () => {
    const { authority, port } = await startWithOne({}, { timeouts: { handshake: '200ms' } });
    const hello = clientHello(Buffer.from('a.example')).toString('latin1');
    const received = [];
    for (const bytes of ['', hello.slice(0, 3), hello.slice(0, 50), hello])
      received.push(await rawExchange(port, bytes));
    expect(received.slice(0, 3).map((exchange) => exchange.received)).toEqual(['', '', '']);
    expect(await isServed(port, authority)).toBe(true);
  });

  it('counts handshakes under way against the limit of connections [F60]', async () => {
    const { authority, port } = await startWithOne({}, { limits: { connections: 3 } });
    const stalled = [await connectRaw(port), await connectRaw(port), await connectRaw(port)];
    await expect(connectTls(port, authority)).rejects.toMatchObject({ code: 'ECONNRESET' });
    stalled[0]?.reset();
    await expect.poll(() => isServed(port, authority).catch(() => false), { timeout: 8_000 }).toBe(true);
  });

  it.each([
    ['a request in cleartext', 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['zeroes', '\0'.repeat(1_000)],
    ['a record of the greatest length', `\x16\x03\x01\xff\xff${'x'.repeat(70_000)}`],
    ['a handshake that never becomes one', `\x16\x03\x01\x40\x00\x01\x00\x3f\xfc${'\0'.repeat(16_380)}`],
  ])('closes on %s, which reaches no backend [F62 F60]', async (_, bytes) => {
    const { authority, backend, port } = await startWithOne();
    expect((await rawExchange(port, bytes)).received).not.toMatch(/HTTP/);
    expect(backend.requests).toEqual([]);
    expect(await isServed(port, authority)).toBe(true);
  });

  it('takes an address from a PROXY header in front of the handshake', async () => {
    const { authority, backend, port } = await startWithOne(
      {},
      { proxy_protocol: true, trusted_proxies: ['127.0.0.0/8'] },
    );
    for (const split of [false, true]) {
      const raw = connect({ port, host: '127.0.0.1' });
      onTestFinished(() => void raw.destroy());
      raw.write('PROXY TCP4 203.0.113.7 198.51.100.1 12345 443\r\n');
      if (split) await new Promise((resolve) => setImmediate(resolve));
      const client = await connectTls(port, authority, { socket: raw });
      client.send(request('a.example'));
      await client.until((received) => received.startsWith('HTTP/1.1 200 OK\r\n'));
    }
    expect(backend.requests.map((seen) => headerOf(seen, 'x-forwarded-for'))).toEqual(['203.0.113.7', '203.0.113.7']);
    // Handshake and header in one write: what came too early is not lost.
    const hello = clientHello(Buffer.from('a.example'));
    const early = connect({ port, host: '127.0.0.1' });
    onTestFinished(() => void early.destroy());
    early.write(Buffer.concat([Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 12345 443\r\n'), hello]));
    expect(await new Promise((resolve) => early.once('data', (data) => resolve(data[0])))).toBe(0x16);
    await expect(connectTls(port, authority), 'without the header').rejects.toThrow();
  });

  it('cuts an answer short so that the client sees it', async () => {
    const { authority, backend, port } = await startWithOne();
    backend.respond = ({ connection }) => {
      connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf', () =>
        connection.socket.destroy(),
      );
    };
    const client = await connectTls(port, authority);
    client.send(request('a.example'));
    expect(await client.ended()).toBe('ECONNRESET');
    expect(client.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*half$/s);
  });

  it('resumes sessions', async () => {
    const { authority, port } = await startWithThree();
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const client = await connectTls(port, authority, { servername: 'b.example', maxVersion });
      const session = new Promise<Buffer>((resolve) => client.socket.once('session', resolve));
      client.send(request('b.example'));
      await client.until((received) => received.includes('200 OK'));
      const ticket = maxVersion === 'TLSv1.2' ? (client.socket.getSession() as Buffer) : await session;
      const again = await connectTls(port, authority, { servername: 'b.example', maxVersion, session: ticket });
      expect(again.socket.isSessionReused()).toBe(true);
      again.send(request('b.example'));
      await again.until((received) => received.includes('200 OK'));
    }
  });
});

describe.skipIf(!hasOpenssl)('a listener that requires client certificates', () => {
  it('serves clients that have one of its authority, and no others', async () => {
    const clients = createAuthority('clients');
    const { authority, backend, port } = await startWithOne({ client_ca_file: clients.certFile });
    const good = contentOf(clients.issue('client'));
    const strange = contentOf(createAuthority('strangers').issue('client'));
    const expired = contentOf(clients.issue('late', { days: -1 }));

    const client = await connectTls(port, authority, good);
    client.send(request('a.example'));
    await client.until((received) => received.includes('200 OK'));
    expect(backend.requests.length).toBe(1);
    for (const identity of [{}, strange, expired]) {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        // With TLS 1.3 a client believes the handshake done before it is judged.
        const outcome = await connectTls(port, authority, { ...identity, maxVersion }).then(
          async (refused) => {
            refused.send(request('a.example'));
            return `${await refused.ended()} ${refused.received()}`;
          },
          (error: NodeJS.ErrnoException) => `${error.code} `,
        );
        expect(outcome).not.toMatch(/HTTP/);
      }
    }
    expect(backend.requests.length).toBe(1);
  });

  it('does not take a session that another listener began for a certificate [F60]', async () => {
    const clients = createAuthority('clients');
    const authority = createAuthority();
    const files = filesOf(authority.issue('a.example'));
    const open = await start(files);
    const closed = await start({ ...files, client_ca_file: clients.certFile });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const client = await connectTls(open.port, authority, { servername: 'a.example', maxVersion });
      const ticket = new Promise<Buffer>((resolve) => client.socket.once('session', resolve));
      client.send(request('a.example'));
      await client.until((received) => received.includes('200 OK'));
      const session = maxVersion === 'TLSv1.2' ? (client.socket.getSession() as Buffer) : await ticket;
      const outcome = await connectTls(closed.port, authority, { servername: 'a.example', maxVersion, session }).then(
        async (refused) => {
          refused.send(request('a.example'));
          return `${await refused.ended()} ${refused.received()}`;
        },
        (error: NodeJS.ErrnoException) => `${error.code} `,
      );
      expect(outcome).not.toMatch(/HTTP/);
    }
    expect(closed.backend.requests).toEqual([]);
  });
});

it.skipIf(!hasOpenssl || !hasCurl)('curl trusts it, and is served by the host it names, over either HTTP', async () => {
  const { authority, port } = await startWithThree();
  for (const host of ['a.example', 'b.example', 'x.c.example']) {
    for (const [option, version] of [
      ['--http1.1', '1.1'],
      ['--http2', '2'],
    ] as const) {
      const to = ['--resolve', `${host}:${port}:127.0.0.1`, '--cacert', authority.certFile];
      const shown = ['-w', '%{http_code} %{http_version}', '-o', '/dev/null'];
      const { stdout } = await run(CURL, ['-sS', option, ...shown, ...to, `https://${host}:${port}/`]);
      expect(stdout).toBe(`200 ${version}`);
    }
  }
});

it.skipIf(!hasOpenssl)(
  'HTTP/2 asks for another host on the same connection, and gets 421 where it may not [F32]',
  async () => {
    const { authority, port } = await startWithThree();
    const session = connectHttp2(`https://127.0.0.1:${port}`, {
      ca: readFileSync(authority.certFile),
      servername: 'b.example',
    });
    onTestFinished(() => session.destroy());
    const ask = (host: string) =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':authority': host });
        stream.on('response', (head) => resolve(head[':status']));
        stream.on('error', reject);
        stream.resume();
      });
    expect([await ask('b.example'), await ask('a.example'), await ask('b.example')]).toEqual([200, 421, 200]);
  },
);

it.skipIf(!hasOpenssl)('a handshake under way when the proxy begins to stop is finished and served', async () => {
  const authority = createAuthority();
  const backend = await startRecordingBackend();
  const { port, app } = await startProxy({
    backends: [backend.url],
    listener: { tls: filesOf(authority.issue('a.example')) },
    drain: { delay: '0s', timeout: '10s' },
  });
  const raw = connect({ port, host: '127.0.0.1' });
  onTestFinished(() => void raw.destroy());
  await once(raw, 'connect');
  // The proxy has accepted it by the time it has answered a later one.
  expect(await isServed(port, authority)).toBe(true);
  app.stop();
  const client = await connectTls(port, authority, { socket: raw });
  client.send(request('a.example'));
  await client.until((received) => /^HTTP\/1\.1 200 OK\r\n.*\r\nconnection: close\r\n/is.test(received));
  expect(await app.exited).toBe(0);
});

it('a listener without TLS answers 400 to a handshake, or closes [F62]', async () => {
  const backend = await startRecordingBackend();
  const { port } = await startProxy({ backends: [backend.url], listener: { timeouts: { header: '300ms' } } });
  const { received } = await rawExchange(port, clientHello(Buffer.from('a.example')).toString('latin1'));
  expect(received).toMatch(/^HTTP\/1\.1 4\d\d /);
  expect(backend.requests).toEqual([]);
});

/** A first flight of TLS 1.2 with this name in it, as it is. */
function clientHello(name: Buffer): Buffer {
  const sized = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
  const entry = Buffer.concat([Buffer.from([0]), sized(name)]);
  const extension = (type: number, body: Buffer) => Buffer.concat([Buffer.from([type >> 8, type & 0xff]), sized(body)]);
  const extensions = sized(
    Buffer.concat([
      extension(0, sized(entry)),
      extension(10, sized(Buffer.from([0, 23]))),
      extension(11, Buffer.from([1, 0])),
      extension(13, sized(Buffer.from([4, 3, 8, 4]))),
    ]),
  );
  const ciphers = sized(Buffer.from([0xc0, 0x2b, 0xc0, 0x2f]));
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    ciphers,
    Buffer.from([1, 0]),
    extensions,
  ]);
  const handshake = Buffer.concat([Buffer.from([1, 0]), sized(body)]);
  return Buffer.concat([Buffer.from([0x16, 3, 1]), sized(handshake)]);
}

/** `openssl s_client` with this input; whatever its exit code. */
function openssl(port: number, args: string[], input = ''): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const all = ['s_client', '-connect', `127.0.0.1:${port}`, ...args];
    const child = execFile(OPENSSL, all, { timeout: 5_000 }, (_, stdout, stderr) => resolve({ stdout, stderr }));
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
