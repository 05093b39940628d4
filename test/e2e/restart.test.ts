/** Health over a restart: two lives of the whole program, one state file between them. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startApp } from '../../src/app.ts';
import type { RunningApp } from '../../src/cli/context.ts';
import { loadSettings } from '../../src/config/load.ts';

const cleanups: (() => unknown)[] = [];
let stateFile: string;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'pulsegate-restart-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  stateFile = join(folder, 'state.json');
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function portOf(server: Server | ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A backend whose probes end with this status. */
function serve(status: number): Promise<number> {
  const server = createHttpServer((_request, response) => void response.writeHead(status).end());
  cleanups.push(() => server.closeAllConnections());
  return portOf(server);
}

/** A port that takes probes and never answers. */
function serveSilence(): Promise<number> {
  const sockets: Socket[] = [];
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  return portOf(createServer((socket) => void sockets.push(socket.on('error', () => {}))));
}

async function start(ports: readonly number[], probe: object): Promise<RunningApp & { stopped(): Promise<void> }> {
  const file = {
    log: { level: 'silent', access: false },
    state_file: stateFile,
    listeners: [{ bind: '127.0.0.1:0' }],
    admin: { bind: '127.0.0.1:0' },
    upstreams: {
      app: { backends: ports.map((port) => `http://127.0.0.1:${port}`), initial_state: 'last', probe },
    },
  };
  const loaded = loadSettings('test.yaml', JSON.stringify(file), { env: {}, readFile: () => '' });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const app = await startApp(loaded.settings, { logLevel: null, logFormat: 'json' });
  const stopped = async () => {
    app.stop();
    app.stop();
    await app.exited;
  };
  cleanups.push(stopped);
  return Object.assign(app, { stopped });
}

async function healthOf({ admin }: RunningApp): Promise<{ status: string; reason: string }[]> {
  if (admin?.address.kind !== 'tcp') throw new Error('no admin API');
  const answer = await fetch(`http://127.0.0.1:${admin.address.port}/health/app`);
  return ((await answer.json()) as { backends: { status: string; reason: string }[] }).backends;
}

const QUICK = { interval: '50ms', fast_interval: '20ms', timeout: '5s', fall: 1 };

test('a backend is what it was before the restart, until a probe has spoken', async () => {
  const ports = [await serve(200), await serve(500)];
  const first = await start(ports, QUICK);
  const statuses = async (app: RunningApp) => (await healthOf(app)).map(({ status }) => status);
  await expect.poll(() => statuses(first)).toEqual(['up', 'down']);
  await first.stopped();

  const second = await start(ports, { ...QUICK, port: await serveSilence() });
  expect(await healthOf(second)).toMatchObject([
    { status: 'up', reason: 'up before the restart, on probation until a probe decides' },
    { status: 'down', reason: 'down before the restart, on probation until a probe decides' },
  ]);
});

test('a damaged state file is no memory, and no reason not to start', async () => {
  writeFileSync(stateFile, '{"version":1,"checksum":"","state":{}}');
  const app = await start([await serve(200)], { ...QUICK, port: await serveSilence() });
  expect(await healthOf(app)).toMatchObject([{ status: 'starting' }]);
  await app.stopped();
  expect(JSON.parse(readFileSync(stateFile, 'utf8'))).toMatchObject({ state: { upstreams: [{ name: 'app' }] } });
});
