/** Backends that no configuration names: from a name server, from a file, and by their own heartbeats; over real sockets. */

import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startDnsServer } from '../support/dns-server.ts';
import { poll } from '../support/evidence.ts';
import { freePort, startProxyProcess, temporaryFolder } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';

/** Answers with its own address. */
async function startBackend(host: string, port = 0): Promise<number> {
  const server = createServer((request, response) => response.end(`${host}:${request.socket.localPort}`));
  server.listen(port, host);
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function answersOf(port: number, requests = 12): Promise<string[]> {
  const bodies = new Set<string>();
  for (let i = 0; i < requests; i++) {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    bodies.add(response.ok ? await response.text() : String(response.status));
  }
  return [...bodies].sort();
}

async function idsOf(adminPort: number): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/health/app`);
  const { backends } = (await response.json()) as { backends: { id: string }[] };
  return backends.map(({ id }) => id);
}

async function untilIds(adminPort: number, isSo: (ids: string[]) => boolean): Promise<void> {
  let last: string[] = [];
  await poll(
    async () => {
      last = await idsOf(adminPort);
      return isSo(last) ? true : null;
    },
    () => `the backends are ${last.join(', ') || 'none'}`,
  );
}

test('addresses of a name join and leave, and failures of the name server change nothing [F84]', {
  timeout: 40_000,
}, async () => {
  const port = await startBackend('127.0.0.2');
  await startBackend('127.0.0.3', port);
  const dns = await startDnsServer({ rcode: 2 });
  const proxy = await startProxy({
    backends: [],
    admin: true,
    upstream: {
      balance: 'round_robin',
      discovery: { dns: { name: 'app.test', port, interval: '1s', resolver: dns.address } },
    },
  });
  const adminPort = proxy.adminPort as number;
  expect(await answersOf(proxy.port, 1)).toEqual(['503']);

  dns.zone = { a: ['127.0.0.2'] };
  await untilIds(adminPort, (ids) => ids.length === 1);
  expect(await answersOf(proxy.port)).toEqual([`127.0.0.2:${port}`]);

  dns.zone = { a: ['127.0.0.3', '127.0.0.2'] };
  await untilIds(adminPort, (ids) => ids.length === 2);
  expect(await answersOf(proxy.port)).toEqual([`127.0.0.2:${port}`, `127.0.0.3:${port}`]);

  for (const bad of [{ rcode: 2 }, { rcode: 3 }, {}]) {
    const asked = dns.asked.length;
    dns.zone = bad;
    await poll(
      async () => (dns.asked.length >= asked + 6 ? true : null),
      () => `asked ${dns.asked.length - asked} times`,
    );
    expect(await idsOf(adminPort)).toHaveLength(2);
  }
  dns.zone = { a: ['127.0.0.3'] };
  await untilIds(adminPort, (ids) => ids.length === 1);
  expect(await answersOf(proxy.port)).toEqual([`127.0.0.3:${port}`]);
});

test('records of services carry ports, weights and priorities', { timeout: 20_000 }, async () => {
  const [first, second] = [await startBackend('127.0.0.1'), await startBackend('127.0.0.1')];
  const target = 'localhost';
  const dns = await startDnsServer({
    srv: [
      { priority: 10, weight: 3, port: first, target },
      { priority: 20, weight: 0, port: second, target },
    ],
  });
  const proxy = await startProxy({
    backends: [],
    admin: true,
    upstream: {
      discovery: { dns: { name: '_http._tcp.app.test', type: 'srv', interval: '1s', resolver: dns.address } },
    },
  });
  const adminPort = proxy.adminPort as number;
  await untilIds(adminPort, (ids) => ids.length === 2);
  const health = await (await fetch(`http://127.0.0.1:${adminPort}/health/app`)).json();
  expect(health).toMatchObject({
    backends: [
      { id: `localhost:${first}`, weight: 3, priority: 0 },
      { id: `localhost:${second}`, weight: 1, priority: 1 },
    ].sort((a, b) => (a.id < b.id ? -1 : 1)),
  });
  expect(await answersOf(proxy.port)).toEqual([expect.stringMatching(`:${first}$`)]);
});

test('a file is read again when it changes, and one of no use leaves the last good one in force', {
  timeout: 60_000,
}, async () => {
  const path = join(temporaryFolder(), 'backends.yaml');
  const replace = (text: string) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  const [first, second] = [await startBackend('127.0.0.1'), await startBackend('127.0.0.1')];
  replace(`- http://127.0.0.1:${first}\n`);
  const proxy = await startProxyProcess({
    upstreams: { app: { backends: [], probe: false, balance: 'round_robin', discovery: { file: path } } },
  });
  expect(await answersOf(proxy.port)).toEqual([`127.0.0.1:${first}`]);

  replace('- http://127.0.0.1:1\n- nonsense\n');
  const complaint = await proxy.watch.until(
    () => proxy.lines.find((line) => line.includes('stays in use')) ?? null,
    () => `no complaint in ${proxy.lines.join('\n')}`,
    15_000,
  );
  expect(complaint).toMatch(/line 2, \[1\] must be a URL/);
  expect(await answersOf(proxy.port)).toEqual([`127.0.0.1:${first}`]);

  replace(`{ "backends": [{ "id": "b", "url": "http://127.0.0.1:${second}" }] }`);
  await untilIds(proxy.adminPort, (ids) => ids.join() === 'b');
  expect(await answersOf(proxy.port)).toEqual([`127.0.0.1:${second}`]);
});

test.each([1, 2])(
  'a backend announces itself, and a stranger without an address stays unknown; workers: %i',
  {
    timeout: 60_000,
  },
  async (workers) => {
    const backend = await startBackend('127.0.0.1');
    const receiver = await freePort();
    const proxy = await startProxyProcess({
      workers,
      heartbeats: { bind: `127.0.0.1:${receiver}` },
      upstreams: { app: { backends: [], probe: false, discovery: { heartbeats: true } } },
    });
    const beat = async (id: string, body: object) => {
      const response = await fetch(`http://127.0.0.1:${receiver}/v1/heartbeats/app/${id}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ boot: 'one', ...body }),
      });
      return { status: response.status, body: (await response.json()) as { state?: string; error?: string } };
    };
    expect(await beat('a', { seq: 1 })).toMatchObject({ status: 404, body: { error: 'unknown_backend' } });
    const url = `http://127.0.0.1:${backend}`;
    expect(await beat('a', { seq: 2, url: `${url}/path` })).toMatchObject({ status: 400 });
    expect(await beat('a', { seq: 3, url, weight: 2 })).toMatchObject({ status: 200, body: { state: 'starting' } });
    await untilIds(proxy.adminPort, (ids) => ids.join() === 'a');
    expect(await answersOf(proxy.port)).toEqual([`127.0.0.1:${backend}`]);
    // Asked to, since workers outlive a primary that is killed.
    proxy.kill('SIGTERM');
    expect(await proxy.exited).toBe(0);
  },
);
