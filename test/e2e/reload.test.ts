/** Reloads of a running proxy: what stays goes on undisturbed, what changes holds from the next request, what is wrong changes nothing. */

import { connect, createServer, type Server } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectRaw } from '../support/raw-client.ts';
import { listen, type RecordingBackend, startRecordingBackend } from '../support/recording-backend.ts';
import { type FileKeys, type ReloadingProxy, startReloading } from '../support/reloading.ts';

const QUIET = { probe: false, outliers: false };

/** Answers every request with its name. */
async function named(name: string): Promise<RecordingBackend> {
  return startRecordingBackend(({ connection }) => {
    connection.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${name.length}\r\n\r\n${name}`);
  });
}

function upstreams(backends: readonly (RecordingBackend | object)[], keys: FileKeys = {}): FileKeys {
  const specs = backends.map((one) => ('url' in one && 'requests' in one ? one.url : one));
  return { app: { ...QUIET, backends: specs, ...keys } };
}

async function answers(proxy: ReloadingProxy, requests: number): Promise<Set<string>> {
  const bodies = new Set<string>();
  for (let n = 0; n < requests; n++) bodies.add((await proxy.get('/')).body);
  return bodies;
}

async function health(proxy: ReloadingProxy) {
  return (await fetch(`${proxy.adminUrl}/health`)).json() as Promise<{
    generation: number;
    upstreams: Record<string, { balance: string; backends: Record<string, unknown>[] }>;
  }>;
}

function tries(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
  });
}

async function portInUse(): Promise<number> {
  const server: Server = createServer();
  onTestFinished(() => void server.close());
  return listen(server);
}

describe('backends', () => {
  it('come and go, and those that stay keep their counters [F114]', async () => {
    const [a, b] = [await named('a'), await named('b')];
    const proxy = await startReloading({ upstreams: upstreams([a]) });
    expect(await answers(proxy, 5)).toEqual(new Set(['a']));
    expect(await proxy.reload({ upstreams: upstreams([a, b], { balance: 'round_robin' }) })).toEqual({
      ok: true,
      generation: 2,
    });
    expect(await answers(proxy, 4)).toEqual(new Set(['a', 'b']));
    const report = await health(proxy);
    expect(report.generation).toBe(2);
    expect(report.upstreams.app?.balance).toBe('round_robin');
    expect(report.upstreams.app?.backends.map((backend) => backend.requests_total)).toEqual([7, 2]);
    await proxy.reload({ upstreams: upstreams([b]) });
    expect(await answers(proxy, 4)).toEqual(new Set(['b']));
  });

  it('that leave finish what they have, and keep no idle connection [F115]', async () => {
    const slow = await startRecordingBackend(() => {});
    const next = await named('next');
    const proxy = await startReloading({ upstreams: upstreams([slow]) });
    const pending = proxy.get('/');
    await slow.watch.until(
      () => slow.requests[0] ?? null,
      () => 'no request',
    );
    await proxy.reload({ upstreams: upstreams([next]) });
    expect((await proxy.get('/')).body).toBe('next');
    slow.requests[0]?.connection.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate');
    expect(await pending).toEqual({ status: 200, body: 'late' });
    await slow.watch.until(
      () => slow.connections[0]?.gone || null,
      () => 'the connection is still open',
    );
  });

  it('keep the weight that an operator gave them, until the file gives another', async () => {
    const a = await named('a');
    const proxy = await startReloading({ upstreams: upstreams([{ id: 'a', url: a.url, weight: 1 }]) });
    const weightOf = async () => (await health(proxy)).upstreams.app?.backends[0]?.weight;
    await fetch(`${proxy.adminUrl}/upstreams/app/backends/a/weight`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"weight":7}',
    });
    await proxy.reload({ upstreams: upstreams([{ id: 'a', url: a.url, weight: 1 }], { balance: 'random' }) });
    expect(await weightOf()).toBe(7);
    await proxy.reload({ upstreams: upstreams([{ id: 'a', url: a.url, weight: 3 }]) });
    expect(await weightOf()).toBe(3);
  });

  it('keep their idle connections over a reload that does not concern them', async () => {
    const a = await named('a');
    const proxy = await startReloading({ upstreams: upstreams([a]) });
    await answers(proxy, 2);
    await proxy.reload({ upstreams: upstreams([a], { balance: 'random', retry: { attempts: 1 } }) });
    await answers(proxy, 2);
    expect(a.connections.length).toBe(1);
  });
});

describe('routes and upstreams', () => {
  it('hold for the next request of a connection that is open', async () => {
    const [a, b] = [await named('a'), await named('b')];
    const proxy = await startReloading({ upstreams: upstreams([a]) });
    const client = await connectRaw(proxy.ports[0] as number);
    const ask = (path: string) => {
      client.send(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
      return client.next();
    };
    expect((await ask('/b')).body).toBe('a');
    await proxy.reload({
      listeners: [{ bind: '127.0.0.1:0', routes: [{ path: '/b', upstream: 'other' }, { upstream: 'app' }] }],
      upstreams: { ...upstreams([a]), other: { ...QUIET, backends: [b.url] } },
    });
    expect((await ask('/b')).body).toBe('b');
    expect((await ask('/a')).body).toBe('a');
    await proxy.reload({
      listeners: [{ bind: '127.0.0.1:0', routes: [{ path: '/a', upstream: 'app' }] }],
      upstreams: upstreams([a]),
    });
    expect((await ask('/b')).body).toContain('no_route');
    expect((await ask('/a')).body).toBe('a');
  });
});

describe('addresses', () => {
  it('come and go; one that stays keeps its socket and its connections', async () => {
    const a = await named('a');
    const proxy = await startReloading({ upstreams: upstreams([a]) });
    const [port] = proxy.ports as [number];
    await proxy.reload({
      listeners: [
        { name: 'one', bind: '127.0.0.1:0' },
        { name: 'two', bind: '127.0.0.1:0' },
      ],
    });
    expect(proxy.ports).toEqual([port, expect.any(Number)]);
    const second = proxy.ports[1] as number;
    const client = await connectRaw(second);
    client.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    expect((await client.next()).body).toBe('a');
    await proxy.reload({ listeners: [{ name: 'one', bind: '127.0.0.1:0' }] });
    expect(await tries(second)).toBe('ECONNREFUSED');
    // What is open there may still ask once, and is told to leave.
    client.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await client.until((received) => /connection: close/.test(received));
    expect(await client.ended()).toBe('closed');
    expect((await proxy.get('/')).body).toBe('a');
  });

  it('that are in use refuse the reload, and everything stays', async () => {
    const [a, b] = [await named('a'), await named('b')];
    const proxy = await startReloading({ upstreams: upstreams([a]) });
    const port = await portInUse();
    const outcome = await proxy.reload({
      listeners: [{ bind: '127.0.0.1:0' }, { bind: `127.0.0.1:${port}` }],
      upstreams: upstreams([b]),
    });
    expect(outcome).toMatchObject({ ok: false, problems: [], message: expect.stringContaining('it is in use') });
    expect(proxy.ports.length).toBe(1);
    expect((await proxy.get('/')).body).toBe('a');
    expect((await health(proxy)).generation).toBe(1);
  });

  it('of the admin API move, with a new token', async () => {
    const a = await named('a');
    const proxy = await startReloading({ upstreams: upstreams([a]) });
    const before = proxy.adminUrl;
    await proxy.reload({ admin: { bind: '127.0.0.1:0', token: 'a-token' } });
    expect(proxy.adminUrl).toBe(before);
    expect((await fetch(`${before}/health`)).status).toBe(401);
    await proxy.reload({ admin: { bind: 'localhost:0', token: 'a-token' } });
    expect(proxy.adminUrl).not.toBe(before);
    await expect(fetch(`${before}/livez`)).rejects.toThrow();
    expect((await fetch(`${proxy.adminUrl}/livez`)).status).toBe(200);
    await proxy.reload({ admin: { bind: null } });
    expect(proxy.app.admin).toBe(null);
  });
});

describe('an invalid configuration', () => {
  it('changes nothing, and all its problems are told [F130]', async () => {
    const a = await named('a');
    const proxy = await startReloading({ upstreams: upstreams([a]) });
    const outcome = await proxy.reload({
      listeners: [{ bind: 'nowhere' }],
      upstreams: { app: { backends: [], balanc: 1 } },
    });
    expect(outcome).toMatchObject({ ok: false });
    if (outcome.ok) return;
    expect(outcome.problems.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['listeners[0].bind', 'upstreams.app.balanc']),
    );
    expect((await proxy.reloadText('upstreams: {')).ok).toBe(false);
    expect((await proxy.get('/')).body).toBe('a');
    expect((await health(proxy)).generation).toBe(1);
  });

  it('is answered 422 by the admin API, a valid one with its generation', async () => {
    const a = await named('a');
    const proxy = await startReloading({ upstreams: upstreams([a]) });
    const post = () =>
      fetch(`${proxy.adminUrl}/config/reload`, { method: 'POST', headers: { 'content-type': 'application/json' } });
    const good = await post();
    expect([good.status, await good.json()]).toEqual([200, { generation: 2 }]);
    await proxy.reloadText('listeners: []');
    const bad = await post();
    expect(bad.status).toBe(422);
    expect(await bad.json()).toMatchObject({
      error: 'invalid_config',
      message: expect.any(String),
      problems: expect.arrayContaining([expect.objectContaining({ file: 'test.yaml', line: 1, path: 'upstreams' })]),
    });
  });
});

describe('GET /config', () => {
  it('shows the configuration in force with its defaults, and no secret [F132]', async () => {
    const a = await named('a');
    const proxy = await startReloading({ upstreams: upstreams([a], { sticky: { secret: 'canary-of-a-secret' } }) });
    const shown = async () => (await fetch(`${proxy.adminUrl}/config`)).text();
    expect(JSON.parse(await shown())).toMatchObject({
      drain: { delay: '0s', timeout: '5s' },
      upstreams: { app: { balance: 'least_request', sticky: { cookie: 'pulsegate', secret: '[secret]' } } },
    });
    await proxy.reload({ upstreams: upstreams([a], { balance: 'random' }) });
    expect(JSON.parse(await shown())).toMatchObject({ upstreams: { app: { balance: 'random', sticky: null } } });
    expect(await shown()).not.toContain('canary');
  });
});
