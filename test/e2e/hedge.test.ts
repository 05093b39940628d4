/** Hedged requests: a backend that hangs costs nobody its time-out, and loses its place by silence alone. */

import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { runOpenLoop } from '../support/open-loop.ts';
import { startProxy } from '../support/proxy.ts';
import { type Responder, startRecordingBackend } from '../support/recording-backend.ts';

interface Fickle {
  readonly url: string;
  hangs: boolean;
  /** Requests received, and those whose connection went away before an answer. */
  requests: number;
  abandoned: number;
}

async function startFickle(name: string): Promise<Fickle> {
  const server = createServer((request, response) => {
    backend.requests++;
    request.resume();
    if (backend.hangs) {
      response.on('close', () => backend.abandoned++);
      return;
    }
    response.setHeader('x-backend', name);
    response.end(name);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const backend: Fickle = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hangs: false,
    requests: 0,
    abandoned: 0,
  };
  return backend;
}

const HEDGE = { after: '60ms', budget: '5%' };

it('spares every request the time-out of a backend that hangs, and ejects it for its silence', async () => {
  const backends = await Promise.all(['a', 'b', 'c', 'd'].map(startFickle));
  const sick = backends[0] as Fickle;
  const { port, app, adminPort } = await startProxy({
    backends: backends.map(({ url }) => url),
    upstream: { balance: 'round_robin', retry: { hedge: HEDGE }, outliers: {} },
    admin: true,
  });
  expect(app.listeners).toHaveLength(1);
  const load = runOpenLoop(port, '/', 200, 3);
  setTimeout(() => {
    sick.hangs = true;
  }, 1_000);
  const results = await load;
  expect(results.filter(({ status }) => status !== 200)).toEqual([]);
  // Without a hedge each of them would wait for 30 s; the bound leaves room for a loaded machine.
  expect(Math.max(...results.map(({ durationMs }) => durationMs))).toBeLessThan(10_000);
  expect(sick.abandoned).toBeGreaterThanOrEqual(5);
  const health = (await (await fetch(`http://127.0.0.1:${adminPort}/health/app`)).json()) as {
    backends: { url: string; status: string; reason: string }[];
  };
  const found = health.backends.find(({ url }) => url === sick.url);
  expect(found?.status).toBe('ejected');
  expect(found?.reason).toContain('another backend was asked as well');
});

it('hedges nothing that may not be sent twice', async () => {
  const backends = await Promise.all(['a', 'b'].map(startFickle));
  for (const backend of backends) backend.hangs = true;
  const { port } = await startProxy({
    backends: backends.map(({ url }) => url),
    upstream: { retry: { hedge: HEDGE }, timeouts: { response_header: '400ms' } },
  });
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'once' });
  expect(answer.status).toBe(504);
  expect(backends.map(({ requests }) => requests).sort()).toEqual([0, 1]);
});

it('passes over the answer of 503 while the other attempt is under way', async () => {
  const sockets: Socket[] = [];
  const respond: Responder = ({ connection: { socket } }) => {
    sockets.push(socket);
    const [first, second] = sockets;
    second?.write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n');
    if (second !== undefined) first?.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow');
  };
  const backends = [await startRecordingBackend(respond), await startRecordingBackend(respond)];
  const { port } = await startProxy({
    backends: backends.map(({ url }) => url),
    upstream: { retry: { attempts: 0, hedge: HEDGE } },
  });
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toBe('slow');
  expect(backends.map(({ requests }) => requests.length)).toEqual([1, 1]);
});
