/** Tunnels and what happens around them: backends that fail before and after they open, drains, health, many at once. */

import { connect, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { watchMemory } from '../support/memory.ts';
import { freePort, startProcess, startProxyProcess } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { listen, startRecordingBackend } from '../support/recording-backend.ts';
import { connectWs, granted, handshake, startEchoServer } from '../support/websocket.ts';

const ORIGIN = 'http://127.0.0.1';

it('a handshake is tried elsewhere when its backend is dead, breaks off or answers 503 [F50]', async () => {
  const server = await startEchoServer();
  const breaking = createServer((socket) => socket.once('data', () => socket.destroy()));
  const breakingPort = await listen(breaking);
  onTestFinished(() => void breaking.close());
  const refusing = await startRecordingBackend(({ connection }) => {
    connection.socket.write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n');
  });
  const dead = await freePort();
  const { port } = await startProxy({
    backends: [`${ORIGIN}:${dead}`, `${ORIGIN}:${breakingPort}`, refusing.url, server.url],
    upstream: { balance: 'first', retry: { attempts: 3 } },
  });
  const client = await connectWs(port);
  client.socket.send('hello');
  expect(await client.nextMessage()).toBe('hello');
  expect(refusing.requests).toHaveLength(1);
});

it('a backend that drains keeps its tunnels and gets no new one [F50]', async () => {
  const [a, b] = await Promise.all([startEchoServer(), startEchoServer()]);
  const { port, adminPort } = await startProxy({
    backends: [{ id: 'a', url: a.url } as never, { id: 'b', url: b.url } as never],
    upstream: { balance: 'first' },
    admin: true,
  });
  const first = await connectWs(port);
  expect(a.server.clients.size).toBe(1);
  const drained = await fetch(`${ORIGIN}:${adminPort}/upstreams/app/backends/a/drain`, { method: 'POST' });
  expect(drained.status).toBe(200);
  await connectWs(port);
  expect([a.server.clients.size, b.server.clients.size]).toEqual([1, 1]);
  first.socket.send('still here');
  expect(await first.nextMessage()).toBe('still here');
});

it('tunnels to a backend that is killed break off, and the next ones go elsewhere [F49 F50]', async () => {
  const victim = startProcess(process.execPath, [new URL('../support/echo-process.mjs', import.meta.url).pathname]);
  const victimPort = await victim.watch.until(
    () => victim.lines[0] ?? null,
    () => 'the server did not start',
  );
  const other = await startEchoServer();
  const { port } = await startProxy({
    backends: [`${ORIGIN}:${victimPort}`, other.url],
    upstream: { balance: 'first' },
  });
  const clients = await Promise.all(Array.from({ length: 20 }, () => connectWs(port)));
  expect(other.server.clients.size).toBe(0);
  victim.kill('SIGKILL');
  expect(new Set(await Promise.all(clients.map((client) => client.closed())))).toEqual(new Set([1006]));
  const again = await connectWs(port);
  again.socket.send('hello');
  expect(await again.nextMessage()).toBe('hello');
});

it('a stop lets tunnels go on, and tells both sides to go away before its deadline [F50]', {
  timeout: 15_000,
}, async () => {
  const server = await startEchoServer();
  const { port, app } = await startProxy({ backends: [server.url], drain: { timeout: '2s' } });
  const client = await connectWs(port);
  app.stop();
  client.socket.send('after the stop');
  expect(await client.nextMessage()).toBe('after the stop');
  await untilRefused(port);
  expect(await client.closed()).toBe(1001);
  expect(await app.exited).toBe(0);
  await server.watch.until(
    () => server.closes.length || null,
    () => 'the server was not told',
  );
  expect(server.closes).toEqual([1001]);
});

it('a stop ends as soon as the last tunnel has ended', async () => {
  const server = await startEchoServer();
  const { port, app } = await startProxy({ backends: [server.url], drain: { timeout: '1h' } });
  const client = await connectWs(port);
  app.stop();
  client.socket.close(1000);
  expect(await client.closed()).toBe(1000);
  expect(await app.exited).toBe(0);
});

it('a tunnel counts as a request in flight, and as a success from its first moment', async () => {
  const server = await startEchoServer();
  const { port, adminPort } = await startProxy({ backends: [server.url], admin: true });
  const client = await connectWs(port);
  const open = await backendReport(adminPort);
  expect(open).toMatchObject({ in_flight: 1, requests_total: 1, failures_total: 0 });
  expect(open.latency_ms?.p50).toBeGreaterThan(0);
  client.socket.terminate();
  await untilReport(adminPort, ({ in_flight }) => in_flight === 0);
  expect(await backendReport(adminPort)).toMatchObject({ requests_total: 1, failures_total: 0 });
});

it('a trial is decided by the 101, not by the end of the tunnel', async () => {
  let granting = false;
  const backend = await startRecordingBackend(({ connection }) => {
    connection.socket.write(granting ? granted() : 'HTTP/1.1 500 Broken\r\ncontent-length: 0\r\n\r\n');
  });
  const spare = await startRecordingBackend();
  const { port, adminPort } = await startProxy({
    backends: [backend.url, spare.url],
    upstream: { balance: 'first', outliers: { consecutive: 1, ejection: '100ms' } },
    admin: true,
  });
  const loser = await connectRaw(port);
  loser.send(handshake());
  await loser.next();
  await untilReport(adminPort, ({ status }) => status === 'trial');
  granting = true;
  const client = await connectRaw(port);
  client.send(handshake());
  await client.next();
  expect(await backendReport(adminPort)).toMatchObject({ status: 'up', in_flight: 1 });
});

it('the log tells of a tunnel when it ends: what crossed each way, and how it ended', async () => {
  const server = await startEchoServer();
  const proxy = await startProxyProcess({
    log: { access: true },
    upstreams: { app: { backends: [server.url], probe: false } },
  });
  const client = await connectWs(proxy.port);
  client.socket.send('x'.repeat(100));
  await client.nextMessage();
  client.socket.close(1000);
  // The header of a frame is two bytes, a mask four, a close code two.
  expect(await logged()).toMatchObject({ method: 'GET', upstream: 'app', attempts: 1, bytes_in: 106 + 8 });
  expect(await logged()).not.toHaveProperty('cut');
  const raw = await connectRaw(proxy.port);
  raw.send(handshake());
  await raw.next();
  raw.reset();
  expect(await logged(1)).toMatchObject({ bytes_in: 0, cut: true, detail: 'the client left' });

  async function logged(index = 0): Promise<object> {
    const line = await proxy.watch.until(
      () => proxy.lines.filter((text) => text.includes('"status":101'))[index] ?? null,
      () => 'nothing logged',
    );
    return JSON.parse(line) as object;
  }
});

it('a thousand idle tunnels take less than 56 KiB each, garbage included', { timeout: 30_000 }, async () => {
  const count = 1_000;
  const server = await startEchoServer();
  const proxy = await startProxyProcess({
    upstreams: { app: { backends: [server.url], probe: false, limits: { connections: 2_000 } } },
  });
  // What the first ones cost besides is not theirs.
  await open(100);
  const memory = watchMemory(proxy.pid);
  await open(count);
  expect(server.server.clients.size).toBe(count + 100);
  expect((memory.growthMiB() * 1_024) / count).toBeLessThan(56);

  async function open(sockets: number): Promise<void> {
    for (let n = 0; n < sockets; n += 50) await Promise.all(Array.from({ length: 50 }, () => openOne()));
  }

  function openOne(): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`, { perMessageDeflate: false });
    onTestFinished(() => socket.terminate());
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
  }
});

/** Resolves once nobody listens on the port any more. */
async function untilRefused(port: number): Promise<void> {
  for (let isOpen = true; isOpen; ) {
    isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', () => resolve(false));
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
    });
  }
}

interface Report {
  readonly status: string;
  readonly in_flight: number;
  readonly requests_total: number;
  readonly failures_total: number;
  readonly latency_ms: { readonly p50: number } | null;
}

/** Of the first backend. */
async function backendReport(adminPort: number | null): Promise<Report> {
  const answer = await fetch(`${ORIGIN}:${adminPort}/health/app`);
  const { backends } = (await answer.json()) as { backends: readonly Report[] };
  return backends[0] as Report;
}

async function untilReport(adminPort: number | null, found: (report: Report) => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (found(await backendReport(adminPort))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`it stays ${JSON.stringify(await backendReport(adminPort))}`);
}
