/** While no backend takes a connection, requests wait for one; a long outage fails fast. */

import { request } from 'node:http';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { pause } from '../support/evidence.ts';
import { runOpenLoop } from '../support/open-loop.ts';
import { freePort, startBackendProcess, startProxyProcess } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';

const PER_SECOND = 100;

interface Told {
  readonly status: number;
  readonly code: string;
  readonly ms: number;
}

/** POSTs, as what is safe for them is safe for all. */
function post(port: number): Promise<Told> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path: '/work', method: 'POST', agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const code = response.statusCode === 200 ? '' : (JSON.parse(text) as { error: string }).error;
        resolve({ status: response.statusCode ?? 0, code, ms: performance.now() - startedMs });
      });
    });
    sent.on('error', reject);
    sent.end('what is to be done once');
  });
}

it('a restart of the only backend, by kill -9, fails no request', { timeout: 40_000 }, async () => {
  const backend = await startBackendProcess('a');
  const proxy = await startProxyProcess({
    upstreams: { app: { backends: [{ id: 'a', url: `http://127.0.0.1:${backend.port}` }], retry: { outage: '20s' } } },
  });
  const load = runOpenLoop(proxy.port, '/work', PER_SECOND, 4);
  await pause(1_000);
  backend.kill('SIGKILL');
  await backend.exited;
  await pause(1_000);
  const posted = post(proxy.port);
  await startBackendProcess('a', backend.port);
  const results = await load;
  expect(results.filter(({ status }) => status !== 200)).toEqual([]);
  expect(results).toHaveLength(PER_SECOND * 4);
  expect(await posted).toMatchObject({ status: 200 });
});

it('an outage that lasts fails fast', { timeout: 20_000 }, async () => {
  const proxy = await startProxy({
    backends: [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`],
    upstream: { retry: { outage: '600ms' } },
  });
  const first = await post(proxy.port);
  // Whoever is sent ahead as the last is told what he has met.
  expect(['no_backend', 'bad_gateway']).toContain(first.code);
  expect(first.ms).toBeGreaterThanOrEqual(590);
  // The outage began when the first had met it, a little later than the first.
  await pause(200);
  const second = await post(proxy.port);
  expect(second).toMatchObject({ status: 502, code: 'bad_gateway' });
  expect(second.ms).toBeLessThan(500);
});

it('no more requests wait than are allowed to', { timeout: 20_000 }, async () => {
  const proxy = await startProxy({
    backends: [`http://127.0.0.1:${await freePort()}`],
    upstream: { retry: { outage: '2s' }, limits: { pending: 3 } },
  });
  const told = await Promise.all(Array.from({ length: 10 }, () => post(proxy.port)));
  expect(told.filter(({ ms }) => ms >= 1_900)).toHaveLength(3);
  expect(told.filter(({ code, ms }) => code === 'bad_gateway' && ms < 1_500)).toHaveLength(7);
  expect(told.filter(({ status }) => status !== 502 && status !== 503)).toEqual([]);
});

it.each([
  ['null', { outage: null }],
  ['without retries', { attempts: 0 }],
])('nobody waits: %s', async (_what, retry) => {
  const proxy = await startProxy({ backends: [`http://127.0.0.1:${await freePort()}`], upstream: { retry } });
  const told = await post(proxy.port);
  expect(told).toMatchObject({ status: 502, code: 'bad_gateway' });
  expect(told.ms).toBeLessThan(2_000);
});

it('a connection of a tcp listener waits as well', async () => {
  const backendPort = await freePort();
  const { port } = await startProxy({
    listener: { protocol: 'tcp' },
    backends: [`http://127.0.0.1:${backendPort}`],
    upstream: { retry: { outage: '20s' } },
  });
  const client = await connectRaw(port);
  client.send('hello');
  await pause(300);
  const server = createServer((socket) => void socket.pipe(socket).on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(backendPort, '127.0.0.1', resolve));
  await client.until((received) => received === 'hello');
  client.end();
  await client.ended();
  server.close();
});
