/** WebSocket handshakes, byte by byte: what reaches the backend, what opens a tunnel, and what becomes of all the rest. */

import { describe, expect, it } from 'vitest';
import { headerOf, statusOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import {
  echo,
  type RecordedConnection,
  type RecordingBackend,
  type Responder,
  startRecordingBackend,
} from '../support/recording-backend.ts';
import { acceptOf, granted, handshake, KEY } from '../support/websocket.ts';

const grant: Responder = ({ connection }) => void connection.socket.write(granted());

async function start(respond: Responder, upstream: object = {}) {
  const backend = await startRecordingBackend(respond);
  const proxy = await startProxy({ backends: [backend.url], upstream });
  return { backend, proxy, client: await connectRaw(proxy.port) };
}

/** A client whose tunnel is open. */
async function open(upstream: object = {}) {
  const { backend, proxy, client } = await start(grant, upstream);
  client.send(handshake());
  expect(statusOf(await client.next())).toBe(101);
  return { backend, proxy, client, connection: backend.connections[0] as RecordedConnection };
}

function arrives({ watch }: RecordingBackend, connection: RecordedConnection, bytes: string): Promise<true> {
  return watch.until(
    () => connection.received.endsWith(bytes) || null,
    () => `the backend only got ${JSON.stringify(connection.received)}`,
  );
}

function goes({ watch }: RecordingBackend, connection: RecordedConnection): Promise<true> {
  return watch.until(
    () => connection.gone || null,
    () => "the backend's connection is still open",
  );
}

/** A victim on a connection of its own gets its own answer. */
async function expectVictimServed(port: number, backend: RecordingBackend): Promise<void> {
  backend.respond = echo;
  const victim = await connectRaw(port);
  victim.send('GET /victim HTTP/1.1\r\nHost: a.example\r\n\r\n');
  expect((await victim.next()).body).toBe('GET /victim');
}

describe('a handshake', () => {
  it('is forwarded as any request is, and asks for a WebSocket in our own words [F24 R80]', async () => {
    const { backend, client } = await start(grant);
    const spoofed = {
      Connection: 'Upgrade, X-Dropped, Cookie, X-Forwarded-For',
      'X-Dropped': '1',
      Cookie: 'kept=1',
      'X-Forwarded-For': '6.6.6.6',
      'X-Real-IP': '6.6.6.6',
      'X-Pulsegate-Debug': '1',
      'Sec-WebSocket-Protocol': 'chat',
    };
    client.send(handshake(spoofed));
    await client.next();
    const [request] = backend.requests;
    if (request === undefined) throw new Error('no request');
    const lines = request.headers.map(([name, value]) => `${name}: ${value}`);
    expect(lines.map((line) => line.replace(/^(x-request-id): .*/, '$1'))).toEqual([
      'host: a.example',
      `Sec-WebSocket-Key: ${KEY}`,
      'Sec-WebSocket-Version: 13',
      'Cookie: kept=1',
      'Sec-WebSocket-Protocol: chat',
      'x-forwarded-for: 127.0.0.1',
      'x-forwarded-proto: http',
      'x-forwarded-host: a.example',
      'via: 1.1 pulsegate',
      'x-request-id',
      'connection: upgrade',
      'upgrade: websocket',
    ]);
  });

  it('is answered with what the backend agreed to, and with nothing of ours but the request id [R80]', async () => {
    const { client } = await start(({ connection }) => {
      connection.socket.write(
        granted({ 'Sec-WebSocket-Protocol': 'chat', Server: 'x', 'Endpoint-Load-Metrics': 'TEXT a=1' }),
      );
    });
    client.send(handshake());
    const answer = await client.next();
    expect(answer.startLine).toBe('HTTP/1.1 101 Switching Protocols');
    expect(answer.headers.map(([name, value]) => `${name}: ${value}`.replace(/^(x-request-id): .*/, '$1'))).toEqual([
      `Sec-WebSocket-Accept: ${acceptOf(KEY)}`,
      'Sec-WebSocket-Protocol: chat',
      'Server: x',
      'x-request-id',
      'connection: upgrade',
      'upgrade: websocket',
    ]);
  });

  it.each<[string, Record<string, string | null>, string]>([
    ['another version', { 'Sec-WebSocket-Version': '12' }, 'GET /chat HTTP/1.1'],
    ['no version', { 'Sec-WebSocket-Version': null }, 'GET /chat HTTP/1.1'],
    ['no key', { 'Sec-WebSocket-Key': null }, 'GET /chat HTTP/1.1'],
    ['a short key', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZQ==' }, 'GET /chat HTTP/1.1'],
    ['a key that is no base64', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZ!==' }, 'GET /chat HTTP/1.1'],
    ['a key with bits behind its end', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZR==' }, 'GET /chat HTTP/1.1'],
    ['a key that Connection takes away', { Connection: 'Upgrade, Sec-WebSocket-Key' }, 'GET /chat HTTP/1.1'],
    ['two keys', { 'sec-websocket-key': KEY }, 'GET /chat HTTP/1.1'],
    ['POST', { 'Content-Length': '0' }, 'POST /chat HTTP/1.1'],
    ['HTTP/1.0', {}, 'GET /chat HTTP/1.0'],
    ['no word of it in Connection', { Connection: 'keep-alive' }, 'GET /chat HTTP/1.1'],
    ['no Upgrade', { Upgrade: null }, 'GET /chat HTTP/1.1'],
    ['h2c', { Upgrade: 'h2c' }, 'GET /chat HTTP/1.1'],
    ['h2c beside it', { Upgrade: 'websocket, h2c' }, 'GET /chat HTTP/1.1'],
  ])('that is none is a plain request: %s [F44 F46]', async (_, headers, startLine) => {
    const { backend, client, proxy } = await start(echo);
    client.send(handshake(headers, startLine));
    const method = startLine.split(' ')[0] as string;
    const answer = await client.next(method);
    expect([statusOf(answer), answer.body]).toEqual([200, `${method} /chat`]);
    const [request] = backend.requests;
    if (request === undefined) throw new Error('no request');
    expect([headerOf(request, 'upgrade'), headerOf(request, 'connection')]).toEqual([null, null]);
    expect(backend.violations).toEqual([]);
    await expectVictimServed(proxy.port, backend);
  });

  it('with a body is a plain request, and its body is framed [F44]', async () => {
    const { backend, client } = await start(echo);
    const body = 'GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n';
    client.send(handshake({ 'Content-Length': String(body.length) }) + body);
    expect((await client.next()).body).toBe('GET /chat');
    expect(backend.requests.map((request) => [request.startLine, request.body])).toEqual([
      ['GET /chat HTTP/1.1', body],
    ]);
    expect(headerOf(backend.requests[0] as never, 'upgrade')).toBeNull();
  });
});

describe('a 101', () => {
  it.each<[string, string]>([
    ['a wrong proof', granted({ 'Sec-WebSocket-Accept': acceptOf('AAAAAAAAAAAAAAAAAAAAAA==') })],
    ['no proof', granted({ 'Sec-WebSocket-Accept': null })],
    ['two proofs', granted({ 'sec-websocket-accept': acceptOf(KEY) })],
    ['no Upgrade', granted({ Upgrade: null })],
    ['another Upgrade', granted({ Upgrade: 'h2c' })],
    ['no word of it in Connection', granted({ Connection: 'keep-alive' })],
    ['a body', granted({ 'Content-Length': '5' })],
    ['HTTP/1.0', granted().replace('HTTP/1.1', 'HTTP/1.0')],
  ])('with %s is a bad gateway, and the connection is closed [F45 R80]', async (_, answer) => {
    const { backend, client, proxy } = await start(({ connection }) => {
      connection.socket.write(`${answer}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison`);
    });
    client.send(handshake());
    expect(statusOf(await client.next())).toBe(502);
    await goes(backend, backend.connections[0] as RecordedConnection);
    await expectVictimServed(proxy.port, backend);
  });

  it('that nobody asked for is a bad gateway [F45]', async () => {
    const { backend, client, proxy } = await start(grant);
    client.send('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
    expect(statusOf(await client.next())).toBe(502);
    await goes(backend, backend.connections[0] as RecordedConnection);
    await expectVictimServed(proxy.port, backend);
  });

  it('may follow informational responses, and frames may follow it at once [R80]', async () => {
    const { backend, client } = await start(({ connection }) => {
      connection.socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${granted()}\x81\x02hi`, 'latin1');
    });
    client.send(handshake());
    expect(statusOf(await client.next())).toBe(103);
    expect(statusOf(await client.next())).toBe(101);
    await client.until((received) => received.endsWith('\x81\x02hi'));
    client.send('\x81\x82\0\0\0\0yo');
    await arrives(backend, backend.connections[0] as RecordedConnection, '\x81\x82\0\0\0\0yo');
  });

  it('is recognised in pieces of one byte, as is the handshake', async () => {
    const { backend, client } = await start(async ({ connection }) => {
      for (const byte of `${granted()}\x81\x01x`) {
        connection.socket.write(byte, 'latin1');
        await new Promise(setImmediate);
      }
    });
    await client.trickle(handshake());
    expect(statusOf(await client.next())).toBe(101);
    await client.until((received) => received.endsWith('\x81\x01x'));
    await client.trickle('opaque\r\n\r\n\0\xff');
    await arrives(backend, backend.connections[0] as RecordedConnection, 'opaque\r\n\r\n\0\xff');
  });
});

describe('what the client sends ahead of the 101', () => {
  const EARLY = 'GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n';

  it('reaches the backend behind it, and not before [F43 R80]', async () => {
    const { backend, client } = await start(() => {});
    client.send(handshake() + EARLY);
    await backend.watch.until(
      () => backend.requests.length || null,
      () => 'no request',
    );
    const connection = backend.connections[0] as RecordedConnection;
    const { length } = connection.received;
    expect(connection.received.endsWith('\r\nupgrade: websocket\r\n\r\n')).toBe(true);
    connection.socket.write(granted());
    expect(statusOf(await client.next())).toBe(101);
    await arrives(backend, connection, EARLY);
    expect(connection.received.length).toBe(length + EARLY.length);
  });

  it.each([
    ['200 OK', 'content-length: 2\r\n\r\nno'],
    ['426 Upgrade Required', 'upgrade: websocket\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nno'],
    ['302 Found', 'location: /login\r\ncontent-length: 2\r\n\r\nno'],
  ])('is never read as a request when the answer is %s [F43]', async (status, rest) => {
    const { backend, client, proxy } = await start(({ connection }) => {
      connection.socket.write(`HTTP/1.1 ${status}\r\n${rest}`);
    });
    client.send(handshake() + EARLY);
    const answer = await client.next();
    expect([statusOf(answer), answer.body, headerOf(answer, 'connection')]).toEqual([
      Number.parseInt(status, 10),
      'no',
      'close',
    ]);
    expect(headerOf(answer, 'upgrade')).toBeNull();
    expect(await client.ended()).toBe('closed');
    expect(client.unread()).toBe('');
    expect(backend.requests.map(({ startLine }) => startLine)).toEqual(['GET /chat HTTP/1.1']);
    await expectVictimServed(proxy.port, backend);
  });

  it('does not close the connection when there was nothing of it [F43]', async () => {
    const { client } = await start(({ connection }) => {
      connection.socket.write('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n');
    });
    client.send(handshake());
    expect(statusOf(await client.next())).toBe(401);
    client.send(handshake());
    expect(statusOf(await client.next())).toBe(401);
  });

  it('is also not read when the answer is our own [F43]', async () => {
    const { backend, client } = await start(({ connection }) => void connection.socket.destroy(), {
      retry: { attempts: 0 },
    });
    client.send(handshake() + EARLY);
    const answer = await client.next();
    expect([statusOf(answer), headerOf(answer, 'connection')]).toEqual([502, 'close']);
    expect(await client.ended()).toBe('closed');
    expect(client.unread()).toBe('');
    expect(backend.requests.map(({ startLine }) => startLine)).toEqual(['GET /chat HTTP/1.1']);
  });

  it('stays with the client when it is much [F43]', { timeout: 20_000 }, async () => {
    const { backend, client, proxy } = await start(() => {});
    const bytes = 24 * 1_048_576;
    client.send(handshake());
    const before = process.memoryUsage().arrayBuffers;
    // The client's own copy is one Buffer, of as many bytes.
    client.send('x'.repeat(bytes));
    const connection = await backend.watch.until(
      () => backend.requests[0]?.connection ?? null,
      () => 'no request',
    );
    // Long enough for a proxy that kept on reading: others' requests take their turns meanwhile.
    const other = await connectRaw(proxy.port);
    for (let n = 0; n < 50; n++) {
      other.send('GET /other HTTP/1.1\r\nHost: a.example\r\n\r\n');
      const { connection: own } = await backend.watch.until(
        () => backend.requests[n + 1] ?? null,
        () => 'no request',
      );
      own.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      await other.next();
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(bytes + 8 * 1_048_576);
    let arrived = 0;
    connection.socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
      arrived += chunk.length;
      backend.watch.notify();
    });
    connection.socket.write(granted());
    await backend.watch.until(
      () => arrived === bytes || null,
      () => `${arrived} of ${bytes} bytes came`,
    );
  });
});

describe('a tunnel', () => {
  it('passes on that one side has closed, and what the other still says [F49]', async () => {
    const { backend, client, connection } = await open();
    client.send('last words');
    client.end();
    await goes(backend, connection);
    expect(connection.received.endsWith('last words')).toBe(true);
    connection.socket.end('answer');
    expect(await client.ended()).toBe('closed');
    expect(client.unread()).toBe('answer');
  });

  it('passes on that the backend has closed, and what the client still says [F49]', async () => {
    const { backend, client, connection } = await open();
    connection.socket.end('bye');
    expect(await client.ended()).toBe('closed');
    expect(client.unread()).toBe('bye');
    client.send('and thanks');
    client.end();
    await arrives(backend, connection, 'and thanks');
  });

  it('passes on a break as a break: by the client [F49]', async () => {
    const { backend, client, connection } = await open();
    const broken = new Promise((resolve) => connection.socket.once('error', resolve));
    client.reset();
    expect(await broken).toMatchObject({ code: 'ECONNRESET' });
    await goes(backend, connection);
  });

  it('passes on a break as a break: by the backend [F49]', async () => {
    const { client, connection } = await open();
    connection.socket.resetAndDestroy();
    expect(await client.ended()).toBe('reset');
  });

  it('is closed on both sides when nothing comes through, with status 1001 [F49]', async () => {
    const { backend, client, connection } = await open({ timeouts: { tunnel_idle: '300ms' } });
    client.send('\x81\x81\0\0\0\0x');
    await arrives(backend, connection, '\x81\x81\0\0\0\0x');
    expect(await client.ended()).toBe('closed');
    expect(client.unread()).toBe('\x88\x02\x03\xe9');
    await goes(backend, connection);
    expect(closeCodeToServer(connection.received)).toBe(1001);
  });

  it('is closed at its greatest age although bytes come, and no frame stands inside another [F49]', async () => {
    const { backend, client, connection } = await open({ timeouts: { tunnel: '400ms' } });
    // The header of a frame whose payload never ends: nothing may be put behind it.
    connection.socket.write(Buffer.from([0x82, 127, 0, 0, 0, 0, 0x7f, 0, 0, 0]));
    const talk = setInterval(() => connection.socket.write('x'), 20);
    try {
      expect(await client.ended()).toBe('closed');
    } finally {
      clearInterval(talk);
    }
    expect(client.unread()).toMatch(/^\x82\x7f\0\0\0\0\x7f\0\0\0x*$/);
    await goes(backend, connection);
    expect(closeCodeToServer(connection.received)).toBe(1001);
  });

  it('is not bound by the time-outs of requests', async () => {
    const timeouts = { request: '200ms', idle: '200ms', response_header: '200ms' };
    const { backend, client, proxy, connection } = await open({ timeouts });
    backend.respond = () => {};
    // A request that began later has run into all of them.
    const other = await connectRaw(proxy.port);
    other.send('GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n');
    expect(statusOf(await other.next())).toBe(504);
    client.send('still here');
    await arrives(backend, connection, 'still here');
  });

  it('holds a place at its backend until it ends', async () => {
    const { backend, client, proxy, connection } = await open({
      limits: { connections: 1, pending_timeout: '10s' },
    });
    const other = await connectRaw(proxy.port);
    backend.respond = echo;
    other.send('GET /other HTTP/1.1\r\nHost: a.example\r\n\r\n');
    client.send('go on');
    await arrives(backend, connection, 'go on');
    expect(backend.requests).toHaveLength(1);
    client.reset();
    expect((await other.next()).body).toBe('GET /other');
  });
});

/** Of the masked close frame at the end of what a backend received. */
function closeCodeToServer(received: string): number {
  const frame = Buffer.from(received.slice(-8), 'latin1');
  expect([frame[0], frame[1]]).toEqual([0x88, 0x82]);
  return ((frame[6] as number) ^ (frame[2] as number)) * 256 + ((frame[7] as number) ^ (frame[3] as number));
}
