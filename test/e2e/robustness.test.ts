/**
 * What the proxy does when the machine denies it something: a disk that is full or read-only, a log that nobody reads, too few
 * descriptors, hardly any CPU time. Serving goes on, nobody's health suffers, and the operator is told once.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { canMount, cpuGroups, hasProgram, isAble, isRoot, limitCpu, mountSmallDisk } from '../support/machine.ts';
import {
  freePort,
  type ProxyProcess,
  serving,
  startBackendProcess,
  startProcess,
  startProxyProcess,
  temporaryFolder,
} from '../support/processes.ts';
import { createWatch } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const mounts = canMount();

// A state file is looked after every five seconds, and a machine with more to do takes its time.
vi.setConfig({ testTimeout: 60_000 });

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly to?: string;
}

const linesOf = ({ lines }: { readonly lines: readonly string[] }): Line[] =>
  lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line);

/** Status of one request on a connection of its own, or the error's code. */
function get(port: number, path = '/'): Promise<number | string> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false, timeout: 10_000 }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.on('timeout', () => asked.destroy(new Error('timeout')));
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)).end();
  });
}

async function getMany(port: number, count: number, path?: string): Promise<Map<number | string, number>> {
  const counts = new Map<number | string, number>();
  for (let i = 0; i < count; i++) {
    const status = await get(port, path);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return counts;
}

// --- the log

interface BareProxy {
  readonly port: number;
  readonly child: ChildProcess;
  readonly errors: () => string;
  readonly exited: Promise<number | null>;
}

/** Writes its log where `stdout` says, so that ports must be known beforehand; serves when this resolves. */
async function startBare(stdout: number | 'pipe'): Promise<BareProxy> {
  const backend = await startBackendProcess('one');
  const [port, adminPort] = [await freePort(), await freePort()];
  const file = join(temporaryFolder(), 'pulsegate.yaml');
  writeFileSync(
    file,
    JSON.stringify({
      listeners: [{ bind: `127.0.0.1:${port}` }],
      admin: { bind: `127.0.0.1:${adminPort}` },
      log: { access: true },
      upstreams: { app: { backends: [`http://127.0.0.1:${backend.port}`] } },
    }),
  );
  const args = [MAIN, 'run', '-c', file, '--log-format', 'json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'] });
  child.stdout?.resume();
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await poll(async () => (await get(adminPort, '/readyz')) === 200 || null, 'the proxy did not start');
  return { port, child, errors: () => errors, exited };
}

/** Asks again and again, for at most half a minute. */
async function poll<T>(ask: () => Promise<T | null> | T | null, otherwise: string): Promise<T> {
  const endMs = performance.now() + 30_000;
  for (;;) {
    const found = await ask();
    if (found !== null) return found;
    if (performance.now() > endMs) throw new Error(otherwise);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const LONG_PATH = `/${'x'.repeat(400)}`;

test('a log that nobody reads any more costs its lines, and nothing else [F92]', async () => {
  const proxy = await startBare('pipe');
  proxy.child.stdout?.destroy();
  expect(await getMany(proxy.port, 150, LONG_PATH)).toEqual(new Map([[200, 150]]));
  await poll(() => proxy.errors() !== '' || null, 'nobody was told');
  proxy.child.kill('SIGTERM');
  expect(await proxy.exited).toBe(0);
  expect(proxy.errors()).toBe('pulsegate: the log cannot be written (EPIPE); serving goes on\n');
});

test('a reader that leaves just before the end keeps nobody from ending [F92]', async () => {
  const proxy = await startBare('pipe');
  const stdout = proxy.child.stdout as NonNullable<typeof proxy.child.stdout>;
  // Everything has been written by now, so that the first write to fail is the last one.
  await new Promise((resolve) => setTimeout(resolve, 700));
  stdout.destroy();
  proxy.child.kill('SIGTERM');
  expect(await proxy.exited).toBe(0);
});

test('a reader that does not read keeps nobody from ending, or from being served [F92]', async () => {
  const proxy = await startBare('pipe');
  proxy.child.stdout?.pause();
  expect(await getMany(proxy.port, 150, LONG_PATH)).toEqual(new Map([[200, 150]]));
  proxy.child.kill('SIGTERM');
  expect(await proxy.exited).toBe(0);
});

const canFill = isAble('a full disk', { 'the right to mount': mounts });

test.skipIf(!canFill)('a log on a full disk waits for room, and the proxy does not [F92]', async () => {
  const disk = mountSmallDisk('size=64k');
  const log = join(disk.folder, 'log');
  const stdout = openSync(log, 'w');
  const proxy = await startBare(stdout);
  closeSync(stdout);
  expect(await getMany(proxy.port, 150, LONG_PATH)).toEqual(new Map([[200, 150]]));
  await poll(() => proxy.errors() !== '' || null, 'nobody was told');
  expect(proxy.errors()).toBe('pulsegate: the log cannot be written (ENOSPC); serving goes on\n');
  disk.remount('size=8m');
  expect(await getMany(proxy.port, 20)).toEqual(new Map([[200, 20]]));
  await poll(() => proxy.errors().split('\n').length > 2 || null, 'nobody was told of the end');
  expect(proxy.errors()).toMatch(/\npulsegate: the log is written again; 0 lines were lost\n$/);
  proxy.child.kill('SIGTERM');
  expect(await proxy.exited).toBe(0);
  // What was queued meanwhile is there, each line whole.
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const requests = lines.map((line) => JSON.parse(line) as Line).filter(({ msg }) => msg === 'request');
  expect(requests.length).toBe(170);
});

test.skipIf(!canFill)('neither log nor stderr can be written: serving goes on [F92]', async () => {
  const disk = mountSmallDisk('size=64k');
  const [out, err] = [openSync(join(disk.folder, 'out'), 'w'), openSync(join(disk.folder, 'err'), 'w')];
  const backend = await startBackendProcess('one');
  const [port, adminPort] = [await freePort(), await freePort()];
  const file = join(temporaryFolder(), 'pulsegate.yaml');
  const upstreams = { app: { backends: [`http://127.0.0.1:${backend.port}`] } };
  writeFileSync(
    file,
    JSON.stringify({
      listeners: [{ bind: `127.0.0.1:${port}` }],
      admin: { bind: `127.0.0.1:${adminPort}` },
      upstreams,
    }),
  );
  const child = spawn(process.execPath, [MAIN, 'run', '-c', file], { stdio: ['ignore', out, err] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  closeSync(out);
  closeSync(err);
  await poll(async () => (await get(adminPort, '/readyz')) === 200 || null, 'the proxy did not start');
  expect(await getMany(port, 150, LONG_PATH)).toEqual(new Map([[200, 150]]));
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
});

// --- the state file

async function serveWithStateFile(state_file: string): Promise<ProxyProcess> {
  const backend = await startBackendProcess('one');
  const probe = { interval: '200ms', fast_interval: '100ms' };
  const upstreams = { app: { backends: [`http://127.0.0.1:${backend.port}`], probe, initial_state: 'last' } };
  return startProxyProcess({ state_file, upstreams });
}

async function complaintsOf(proxy: ProxyProcess): Promise<string[]> {
  const complaints = () => linesOf(proxy).filter(({ level, msg }) => level >= 40 && msg.includes('state file'));
  await proxy.watch.until(
    () => complaints().length > 0 || null,
    () => `no complaint in ${proxy.lines.join('\n')}`,
    15_000,
  );
  expect(await getMany(proxy.port, 50)).toEqual(new Map([[200, 50]]));
  // The last attempt is made at the stop.
  proxy.kill('SIGTERM');
  expect(await proxy.exited).toBe(0);
  return complaints().map(({ msg }) => msg);
}

test.skipIf(!canFill)(
  'a state file on a full disk is complained of once [F92]',
  async () => {
    const disk = mountSmallDisk('size=64k');
    expect(() => writeFileSync(join(disk.folder, 'ballast'), Buffer.alloc(100_000))).toThrow(/ENOSPC/);
    const path = join(disk.folder, 'state.json');
    const complaints = await complaintsOf(await serveWithStateFile(path));
    expect(complaints).toEqual([
      expect.stringMatching(/^state file .*state\.json cannot be written, serving goes on: ENOSPC/),
    ]);
  },
  40_000,
);

const canDeny = isAble('a read-only folder', { 'the right to mount, or another user than root': mounts || !isRoot });

test.skipIf(!canDeny)(
  'a state file in a read-only folder is complained of once [F92]',
  async () => {
    let folder: string;
    if (mounts) {
      const disk = mountSmallDisk('size=64k');
      disk.remount('ro');
      folder = disk.folder;
    } else {
      folder = temporaryFolder();
      chmodSync(folder, 0o555);
    }
    const complaints = await complaintsOf(await serveWithStateFile(join(folder, 'state.json')));
    expect(complaints).toEqual([
      expect.stringMatching(/^state file .* cannot be written, serving goes on: (EROFS|EACCES)/),
    ]);
  },
  40_000,
);

// --- descriptors

const canLimit = isAble('few descriptors', { prlimit: hasProgram('prlimit') });
const DESCRIPTORS = 256;
const CLIENTS = 400;

test.skipIf(!canLimit)('clients that take all descriptors leave enough for those who are served [F92]', async () => {
  const backends = await Promise.all(['a', 'b'].map((id) => startBackendProcess(id)));
  const file = join(temporaryFolder(), 'pulsegate.yaml');
  writeFileSync(
    file,
    JSON.stringify({
      listeners: [{ bind: '127.0.0.1:0' }],
      admin: { bind: '127.0.0.1:0' },
      log: { access: false },
      upstreams: {
        app: {
          backends: backends.map(({ port }) => `http://127.0.0.1:${port}`),
          probe: { interval: '200ms', fast_interval: '100ms' },
        },
      },
    }),
  );
  const args = [process.execPath, MAIN, 'run', '-c', file, '--log-format', 'json'];
  const proxy = await serving(startProcess('prlimit', [`--nofile=${DESCRIPTORS}:${DESCRIPTORS}`, ...args]));
  await proxy.watch.until(
    () => linesOf(proxy).filter(({ to }) => to === 'up').length === 2 || null,
    () => 'the backends did not come up',
  );
  const before = linesOf(proxy).length;

  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => openClient(proxy.port)));
  const statuses = await Promise.all(clients.map((client) => client.ask()));
  const served = statuses.filter((status) => status === '200').length;
  expect(statuses.filter((status) => status !== '200' && status !== 'closed')).toEqual([]);
  expect(served).toBeGreaterThan(DESCRIPTORS / 4);
  expect((await fetch(`http://127.0.0.1:${proxy.adminPort}/livez`)).status).toBe(200);
  // Those who were taken in are served again.
  const again = await Promise.all(clients.filter(({ isOpen }) => isOpen()).map((client) => client.ask()));
  expect(new Set(again)).toEqual(new Set(['200']));

  for (const client of clients) client.close();
  await poll(async () => (await get(proxy.port)) === 200 || null, 'nobody new was served');
  const changes = linesOf(proxy)
    .slice(before)
    .filter(({ to }) => to !== undefined);
  expect(changes).toEqual([]);
  // A machine with more to do may make us stand still, which is told as well.
  const complaints = linesOf(proxy).filter(({ level, msg }) => level >= 40 && !msg.includes('stood still'));
  expect(complaints.map(({ msg }) => msg)).toEqual([expect.stringMatching(/^only 256 files may be open: /)]);
});

interface Client {
  isOpen(): boolean;
  /** The answer's status, or `closed`. */
  ask(): Promise<string>;
  close(): void;
}

/** Connected, or turned away. */
async function openClient(port: number): Promise<Client> {
  const socket: Socket = connect(port, '127.0.0.1');
  const watch = createWatch();
  let received = '';
  let isClosed = false;
  socket.on('error', () => {});
  socket.on('connect', () => watch.notify());
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    watch.notify();
  });
  socket.on('close', () => {
    isClosed = true;
    watch.notify();
  });
  onTestFinished(() => void socket.destroy());
  await watch.until(
    () => isClosed || !socket.connecting || null,
    () => 'never connected',
  );
  return {
    isOpen: () => !isClosed,
    ask() {
      received = '';
      socket.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
      return watch.until(
        () => /^HTTP\/1\.1 (\d+) /.exec(received)?.[1] ?? (isClosed ? 'closed' : null),
        () => 'no answer',
      );
    },
    close: () => void socket.destroy(),
  };
}

// --- CPU time

const canThrottle = isAble('hardly any CPU time', { 'control groups': cpuGroups() !== null });
const REQUESTS = 60;
const EVERY_MS = 50;

test.skipIf(!canThrottle)(
  'a twentieth of a CPU is slow, and nobody is blamed for it [F96]',
  async () => {
    const backends = await Promise.all(['a', 'b', 'c', 'd'].map((id) => startBackendProcess(id)));
    const proxy = await startProxyProcess({
      upstreams: {
        app: {
          backends: backends.map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` })),
          probe: { interval: '500ms', fast_interval: '200ms', timeout: '500ms' },
        },
      },
    });
    await proxy.watch.until(
      () => linesOf(proxy).filter(({ to }) => to === 'up').length === 4 || null,
      () => 'the backends did not come up',
    );
    limitCpu(proxy.pid, 5);
    const before = linesOf(proxy).length;
    const agent = new Agent({ keepAlive: true, maxSockets: 10 });
    onTestFinished(() => agent.destroy());
    const statuses = await Promise.all(
      Array.from({ length: REQUESTS }, async (_, i) => {
        await new Promise((resolve) => setTimeout(resolve, i * EVERY_MS));
        return new Promise((resolve) => {
          const asked = request({ host: '127.0.0.1', port: proxy.port, path: '/', agent }, (answer) => {
            answer.resume().on('end', () => resolve(answer.statusCode));
          });
          asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code)).end();
        });
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    const removed = linesOf(proxy)
      .slice(before)
      .filter(({ to }) => to === 'down' || to === 'ejected');
    expect(removed).toEqual([]);
  },
  40_000,
);
