import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/time.ts';
import { type DemoFleet, startDemoFleet } from '../../../src/demo/fleet.ts';
import type { BackendSpec } from '../../../src/model/backend.ts';
import { StartError } from '../../../src/model/errors.ts';
import type { Settings } from '../../../src/model/settings.ts';

/** Time stands still; a timer fires in the next turn, and the wait it was armed for is written down. */
function recordingClock(): Clock & { waits: number[] } {
  const waits: number[] = [];
  return {
    waits,
    now: () => 1_000,
    wall: () => 0,
    at(atMs, fn) {
      waits.push(atMs - 1_000);
      const immediate = setImmediate(fn);
      return { cancel: () => clearImmediate(immediate) };
    },
  };
}

function spec(id: string, port = 0): BackendSpec {
  const host = '127.0.0.1';
  return { id, url: `http://${host}:${port}`, tls: false, host, port, weight: 1, priority: 0, labels: {} };
}

function settings(backends: readonly BackendSpec[], control = spec('control')): Settings {
  const upstreams = [
    { name: 'demo', backends },
    { name: 'demo_control', backends: [control] },
  ];
  return { upstreams } as unknown as Settings;
}

let fleet: DemoFleet | null = null;
const clock = recordingClock();

async function start(): Promise<DemoFleet> {
  clock.waits.length = 0;
  fleet = await startDemoFleet(settings(['a', 'b', 'c', 'd'].map((id) => spec(id))), { clock });
  return fleet;
}

afterEach(async () => {
  await fleet?.stop();
  fleet = null;
});

function url(running: DemoFleet, id: string, path: string): string {
  const port = running.backends.find((backend) => backend.id === id)?.port;
  return `http://127.0.0.1:${port}${path}`;
}

async function control(running: DemoFleet, method: string, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${running.controlPort}${path}`, { method });
  return { status: response.status, body: await response.json() };
}

describe('demo backends', () => {
  it('answer work with their id, the path and the request id', async () => {
    const running = await start();
    const response = await fetch(url(running, 'b', '/orders/7?x=1'), { headers: { 'x-request-id': 'r-1' } });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ backend: 'b', path: '/orders/7?x=1', request_id: 'r-1' });
  });

  it('answer /healthz at once', async () => {
    const running = await start();
    const response = await fetch(url(running, 'a', '/healthz'));
    expect(await response.json()).toEqual({ status: 'ok' });
    expect(clock.waits).toEqual([]);
  });

  it('each have a speed of their own, with some spread', async () => {
    const running = await start();
    for (const [id, meanMs] of Object.entries({ a: 4, b: 8, c: 15, d: 30 })) {
      clock.waits.length = 0;
      for (let i = 0; i < 5; i++) await (await fetch(url(running, id, '/'))).text();
      expect(clock.waits).toHaveLength(5);
      expect(Math.min(...clock.waits)).toBeGreaterThanOrEqual(meanMs * 0.5);
      expect(Math.max(...clock.waits)).toBeLessThan(meanMs * 1.5);
      expect(new Set(clock.waits).size).toBe(5);
    }
  });
});

describe('the demo control', () => {
  it('fail: work answers 500 while /healthz stays fine, until heal', async () => {
    const running = await start();
    expect(await control(running, 'POST', '/__demo/b/fail')).toMatchObject({
      status: 200,
      body: { id: 'b', condition: 'failing' },
    });
    expect((await fetch(url(running, 'b', '/'))).status).toBe(500);
    expect((await fetch(url(running, 'b', '/healthz'))).status).toBe(200);
    expect((await fetch(url(running, 'a', '/'))).status).toBe(200);
    await control(running, 'POST', '/__demo/b/heal');
    expect((await fetch(url(running, 'b', '/'))).status).toBe(200);
  });

  it('slow: work takes twenty times as long', async () => {
    const running = await start();
    await control(running, 'POST', '/__demo/a/slow');
    await fetch(url(running, 'a', '/'));
    expect(clock.waits[0]).toBeGreaterThanOrEqual(40);
    expect(clock.waits[0]).toBeLessThan(120);
  });

  it('kill: open connections are closed and new ones refused; heal listens on the same port again', async () => {
    const running = await start();
    const port = running.backends[2]?.port ?? 0;
    const open = connect(port, '127.0.0.1');
    await new Promise((resolve) => open.once('connect', resolve));
    const closed = new Promise((resolve) => open.once('close', resolve));
    open.on('error', () => {});
    await control(running, 'POST', '/__demo/c/kill');
    await closed;
    await expect(fetch(url(running, 'c', '/healthz'))).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await control(running, 'POST', '/__demo/c/heal');
    expect((await fetch(url(running, 'c', '/healthz'))).status).toBe(200);
  });

  it('changes that overlap: the last one counts', async () => {
    const running = await start();
    const conditions = ['killed', 'normal', 'normal', 'killed', 'normal', 'failing'] as const;
    await Promise.all(conditions.map((condition) => running.backends[0]?.change(condition)));
    expect(running.backends[0]?.condition).toBe('failing');
    expect((await fetch(url(running, 'a', '/healthz'))).status).toBe(200);
  });

  it('hang: nothing is answered, /healthz neither, until heal', async () => {
    const running = await start();
    await control(running, 'POST', '/__demo/d/hang');
    let answers = 0;
    const pending = ['/', '/healthz'].map((path) =>
      fetch(url(running, 'd', path)).then((response) => {
        answers++;
        return response.status;
      }),
    );
    for (let i = 0; i < 10; i++) await control(running, 'GET', '/__demo/');
    expect(answers).toBe(0);
    await control(running, 'POST', '/__demo/d/heal');
    expect(await Promise.all(pending)).toEqual([200, 200]);
  });

  it('lists conditions, counts and usage', async () => {
    const running = await start();
    await (await fetch(url(running, 'a', '/'))).text();
    await control(running, 'POST', '/__demo/b/kill');
    const { status, body } = await control(running, 'GET', '/__demo/');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      backends: [
        { id: 'a', condition: 'normal', answered: 1 },
        { id: 'b', condition: 'killed', answered: 0 },
        { id: 'c', condition: 'normal' },
        { id: 'd', condition: 'normal' },
      ],
      usage: 'POST /__demo/{a|b|c|d}/{kill|hang|slow|fail|heal}',
    });
  });

  it.each([
    ['GET', '/elsewhere', 404],
    ['POST', '/__demo/z/kill', 404],
    ['POST', '/__demo/a/explode', 404],
    ['POST', '/__demo/a/toString', 404],
    ['POST', '/__demo/a/kill/now', 404],
    ['GET', '/__demo/a/kill', 405],
    ['POST', '/__demo/', 405],
  ])('answers %s %s with %i and changes nothing', async (method, path, status) => {
    const running = await start();
    const answer = await control(running, method, path);
    expect(answer).toMatchObject({ status, body: { error: expect.any(String), message: expect.any(String) } });
    expect(running.backends.map((backend) => backend.condition)).toEqual(['normal', 'normal', 'normal', 'normal']);
  });

  it('says so when the port of a killed backend was taken meanwhile', async () => {
    const running = await start();
    await control(running, 'POST', '/__demo/a/kill');
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(running.backends[0]?.port, '127.0.0.1', resolve));
    const answer = await control(running, 'POST', '/__demo/a/heal');
    thief.close();
    expect(answer).toMatchObject({ status: 409, body: { error: 'port_in_use' } });
    expect(running.backends[0]?.condition).toBe('killed');
  });
});

describe('startDemoFleet', () => {
  it('names the port that is taken, and leaves nothing listening', async () => {
    const holder = createTcpServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port: taken } = holder.address() as AddressInfo;
    const free = await freePort();
    const starting = startDemoFleet(settings([spec('a', free), spec('b', taken)]), { clock });
    await expect(starting).rejects.toBeInstanceOf(StartError);
    await expect(starting).rejects.toThrow(`port ${taken} is in use`);
    holder.close();
    await expect(fetch(`http://127.0.0.1:${free}/healthz`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });
});

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
