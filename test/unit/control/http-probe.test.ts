import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type JsonPath, parseJsonPath } from '../../../src/base/json-path.ts';
import { HttpProbe } from '../../../src/control/http-probe.ts';
import type { Backend } from '../../../src/model/backend.ts';
import type { HttpProbeSettings } from '../../../src/model/probe-settings.ts';
import type { ProbeResult } from '../../../src/model/signal.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { PROBE, simulatedBackend } from '../../../src/sim/settings.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: Server | TcpServer): Promise<Backend> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanups.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { ...simulatedBackend('a'), host: '127.0.0.1', port, slot: 0 };
}

async function serve(listener: RequestListener): Promise<Backend> {
  const server = createHttpServer(listener);
  cleanups.push(() => server.closeAllConnections());
  return listen(server);
}

function createProbe(overrides: Partial<HttpProbeSettings> = {}) {
  const probe = new HttpProbe(systemClock);
  cleanups.push(() => probe.close());
  const settings = { ...PROBE, timeoutMs: 5_000, ...overrides };
  return (backend: Backend) => new Promise<ProbeResult>((resolve) => probe.run(backend, settings, resolve));
}

function expecting(expect: Partial<HttpProbeSettings['expect']>): Partial<HttpProbeSettings> {
  return { expect: { ...PROBE.expect, ...expect } };
}

describe('the HTTP probe', () => {
  it('passes an expected answer, and introduces itself', async () => {
    const seen: (string | undefined)[] = [];
    const backend = await serve(({ method, url, headers }, response) => {
      seen.push(method, url, headers['user-agent'], headers.host);
      response.end('fine');
    });
    expect(await createProbe()(backend)).toMatchObject({ ok: true, status: 200, detail: '200 OK', refused: false });
    expect(seen).toEqual(['GET', '/healthz', 'pulsegate/probe', `127.0.0.1:${backend.port}`]);
  });

  it('uses a new connection for every other probe', async () => {
    const ports: (number | undefined)[] = [];
    const backend = await serve(({ socket }, response) => {
      ports.push(socket.remotePort);
      response.end();
    });
    const probe = createProbe();
    for (let n = 0; n < 6; n++) expect((await probe(backend)).ok).toBe(true);
    expect([ports[0] === ports[1], ports[2] === ports[3], ports[4] === ports[5]]).toEqual([true, true, true]);
    expect(new Set(ports).size).toBe(3);
  });

  it('asks again on a new connection when the kept one has died', async () => {
    const backend = await serve(({ socket }, response) => {
      response.end();
      setImmediate(() => socket.destroy());
    });
    const probe = createProbe();
    for (let n = 0; n < 6; n++) expect((await probe(backend)).ok).toBe(true);
  });

  it('fails a status outside the expected ranges, redirects included', async () => {
    const backend = await serve((_request, response) => {
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect(await createProbe()(backend)).toMatchObject({
      ok: false,
      status: 302,
      detail: '302 Found, expected 200-299',
    });
    expect(
      await createProbe(
        expecting({
          status: [
            [200, 200],
            [300, 399],
          ],
        }),
      )(backend),
    ).toMatchObject({ ok: true });
  });

  it('looks for a text in the body, in its first 64 KiB only', async () => {
    const backend = await serve((request, response) => {
      response.end(`${'x'.repeat(request.url === '/late' ? 65_536 : 1_000)}ready`);
    });
    const expectation = expecting({ body: 'ready' });
    expect(await createProbe(expectation)(backend)).toMatchObject({ ok: true });
    expect(await createProbe({ ...expectation, path: '/late' })(backend)).toMatchObject({
      ok: false,
      detail: 'body lacks "ready"',
    });
  });

  it('does not follow a body without end', async () => {
    const backend = await serve((_request, response) => {
      const chunk = Buffer.alloc(16_384, 'x');
      const write = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', write);
      write();
    });
    for (const expectation of [expecting({ body: 'never' }), {}]) {
      expect((await createProbe(expectation)(backend)).latencyMs).toBeLessThan(4_000);
    }
  });

  it('looks for a header and for text in it', async () => {
    const backend = await serve((_request, response) => {
      response.setHeader('x-role', 'primary, writable').end();
    });
    const probeFor = (name: string, value: string | null) =>
      createProbe(expecting({ header: { name, value } }))(backend);
    expect(await probeFor('X-Role', null)).toMatchObject({ ok: true });
    expect(await probeFor('x-role', 'primary')).toMatchObject({ ok: true });
    expect(await probeFor('x-role', 'replica')).toMatchObject({ ok: false, detail: 'header x-role lacks "replica"' });
    expect(await probeFor('x-zone', null)).toMatchObject({ ok: false, detail: 'header x-zone is missing' });
  });

  it('reads the body as JSON and looks for a value', async () => {
    const backend = await serve((_request, response) => {
      response.end('{"status":"yellow","checks":[{"name":"db","ok":true}]}');
    });
    const probeFor = (text: string, equals: string | boolean) =>
      createProbe(expecting({ json: { path: parseJsonPath(text) as JsonPath, equals } }))(backend);
    expect(await probeFor('$.checks[0].ok', true)).toMatchObject({ ok: true, status: 200, detail: '200 OK' });
    expect(await probeFor('$.status', 'green')).toMatchObject({
      ok: false,
      status: 200,
      detail: '$.status is "yellow", expected "green"',
    });
  });

  it('lets go of a backend that has left in the middle of a probe', async () => {
    const probe = new HttpProbe(systemClock);
    let connections = 0;
    const server = createHttpServer((_request, response) => {
      if (connections === 1 && !left) response.end();
      else probe.forget(backend);
    });
    let left = false;
    server.on('connection', () => {
      connections += 1;
    });
    cleanups.push(() => server.closeAllConnections());
    const backend = await listen(server);
    const run = () =>
      new Promise<ProbeResult>((resolve) => probe.run(backend, { ...PROBE, timeoutMs: 5_000 }, resolve));
    expect(await run()).toMatchObject({ ok: true });
    left = true;
    expect(await run()).toMatchObject({ ok: false, refused: false });
    expect(connections).toBe(1);
  });

  it('says that nobody listens', async () => {
    const server = createTcpServer();
    const backend = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await createProbe()(backend)).toMatchObject({
      ok: false,
      status: null,
      detail: 'connect ECONNREFUSED',
      refused: true,
    });
  });

  it('gives up on a backend that accepts and says nothing', async () => {
    const backend = await listen(createTcpServer((socket) => void cleanups.push(() => socket.destroy())));
    const result = await createProbe({ timeoutMs: 50 })(backend);
    expect(result).toMatchObject({ ok: false, detail: 'no answer within 50 ms', refused: false });
  });

  it('gives up on a backend that never finishes its answer', async () => {
    const backend = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('half');
    });
    expect(await createProbe({ timeoutMs: 50 })(backend)).toMatchObject({
      ok: false,
      detail: 'no answer within 50 ms',
    });
  });

  it.each([
    ['closes at once', ''],
    ['speaks no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['cuts its answer short', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
  ])('fails a backend that %s', async (_name, bytes) => {
    const backend = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end(bytes));
      }),
    );
    const result = await createProbe()(backend);
    expect(result).toMatchObject({ ok: false, refused: false });
    expect(result.detail).not.toBe('');
  });

  it('probes another port, under another name, when told to', async () => {
    let host: string | undefined;
    const backend = await serve(({ headers }, response) => {
      host = headers.host;
      response.end();
    });
    const probe = createProbe({ port: backend.port, host: 'app.example' });
    expect(await probe({ ...backend, port: 1 })).toMatchObject({ ok: true });
    expect(host).toBe('app.example');
  });

  it.each([200, 404, 503])('takes %d with x-pulsegate-drain for a farewell', async (status) => {
    const backend = await serve((_request, response) => {
      response.writeHead(status, { 'x-pulsegate-drain': '1' }).end();
    });
    expect(await createProbe()(backend)).toMatchObject({ ok: status === 200, draining: true });
  });

  it('takes any other failure for one, whatever the header says', async () => {
    const backend = await serve((_request, response) => {
      response.writeHead(500, { 'x-pulsegate-drain': '1' }).end();
    });
    expect(await createProbe()(backend)).toMatchObject({ ok: false, draining: false });
  });

  it('hands on the load that the answer reports', async () => {
    const backend = await serve((_request, response) => {
      response.writeHead(200, { 'endpoint-load-metrics': 'TEXT cpu_utilization=0.5' }).end();
    });
    const probe = new HttpProbe(systemClock);
    cleanups.push(() => probe.close());
    const load = await new Promise((resolve) => probe.run(backend, PROBE, (_result, reported) => resolve(reported)));
    expect(load).toMatchObject({ kind: 'report', report: { cpuUtilization: 0.5 } });
  });
});
