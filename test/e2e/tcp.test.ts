/** A listener for tcp: any protocol, whoever speaks first, over the pool of an upstream. */

import { createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/processes.ts';
import { type ProxyConfig, startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { listen } from '../support/recording-backend.ts';
import { createWatch } from '../support/until.ts';

/** Greets with its name, as a mail server does, and sends back what it gets. */
async function startGreeter(name: string) {
  const sockets = new Set<Socket>();
  const watch = createWatch();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.write(`220 ${name}\n`);
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end('bye'));
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      watch.notify();
    });
  });
  const port = await listen(server);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, sockets, watch };
}

function startTcpProxy(config: ProxyConfig) {
  return startProxy({ admin: true, ...config, listener: { protocol: 'tcp', ...config.listener } });
}

async function backendReports(adminPort: number | null) {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/health/app`);
  const { backends } = (await answer.json()) as {
    backends: readonly {
      in_flight: number;
      requests_total: number;
      failures_total: number;
      latency_ms: object | null;
    }[];
  };
  return backends;
}

it('passes bytes both ways, and each side may speak first and close first', async () => {
  const { url } = await startGreeter('a');
  const { port, adminPort } = await startTcpProxy({ backends: [url] });
  const client = await connectRaw(port);
  await client.until((received) => received === '220 a\n');
  client.send('GET / HTTP/9.9\n\0\xff');
  await client.until((received) => received.endsWith('\n\0\xff'));
  expect((await backendReports(adminPort))[0]).toMatchObject({ in_flight: 1, latency_ms: { p50: expect.any(Number) } });
  client.end();
  expect(await client.ended()).toBe('closed');
  expect(client.received()).toBe('220 a\nGET / HTTP/9.9\n\0\xffbye');
});

it('what a client sends at once waits for its backend', async () => {
  const { url } = await startGreeter('a');
  const { port } = await startTcpProxy({ backends: [url] });
  const client = await connectRaw(port);
  client.send('early');
  client.end();
  await client.until((received) => received === '220 a\nearlybye');
});

it('a backend that refuses is passed over, and its failure counts', async () => {
  const { url } = await startGreeter('a');
  const dead = `http://127.0.0.1:${await freePort()}`;
  const { port, adminPort } = await startTcpProxy({ backends: [dead, url], upstream: { balance: 'first' } });
  const client = await connectRaw(port);
  await client.until((received) => received === '220 a\n');
  const [first, second] = await backendReports(adminPort);
  expect(first).toMatchObject({ in_flight: 0, failures_total: 1 });
  expect(second).toMatchObject({ in_flight: 1, failures_total: 0 });
});

it('a connection for which there is nobody breaks off', async () => {
  const dead = `http://127.0.0.1:${await freePort()}`;
  const { port, adminPort } = await startTcpProxy({ backends: [dead], upstream: { retry: { outage: null } } });
  const client = await connectRaw(port);
  expect(await client.ended()).toBe('reset');
  expect((await backendReports(adminPort))[0]).toMatchObject({ in_flight: 0, requests_total: 1, failures_total: 1 });
});

it('connections above the limit wait for a place, and one that breaks off leaves its own', async () => {
  const { url, sockets } = await startGreeter('a');
  const { port } = await startTcpProxy({
    backends: [url],
    upstream: { limits: { connections: 1, pending_timeout: '10s' } },
  });
  const first = await connectRaw(port);
  await first.until((received) => received === '220 a\n');
  const second = await connectRaw(port);
  second.send('hello');
  first.send('ping');
  await first.until((received) => received.endsWith('ping'));
  expect(second.received()).toBe('');
  first.reset();
  await second.until((received) => received === '220 a\nhello');
  expect(sockets.size).toBe(1);
});

it('a stop lets connections go on until shortly before its deadline, and closes them in order', {
  timeout: 15_000,
}, async () => {
  const { url } = await startGreeter('a');
  const { port, app } = await startTcpProxy({ backends: [url], drain: { timeout: '1500ms' } });
  const client = await connectRaw(port);
  await client.until((received) => received === '220 a\n');
  app.stop();
  client.send('ping');
  await client.until((received) => received.endsWith('ping'));
  expect(await client.ended()).toBe('closed');
  client.end();
  expect(await app.exited).toBe(0);
});

it('a client that leaves while it waits gives its place in line back', async () => {
  const { url, sockets, watch } = await startGreeter('a');
  const { port, adminPort } = await startTcpProxy({
    backends: [url],
    upstream: { limits: { connections: 1, pending_timeout: '10s' } },
  });
  const first = await connectRaw(port);
  await first.until((received) => received === '220 a\n');
  const second = await connectRaw(port);
  second.reset();
  const third = await connectRaw(port);
  first.reset();
  await third.until((received) => received === '220 a\n');
  third.reset();
  await watch.until(
    () => sockets.size === 0 || null,
    () => `${sockets.size} connections are left`,
  );
  expect((await backendReports(adminPort))[0]).toMatchObject({ failures_total: 0 });
});
