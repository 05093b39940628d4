/**
 * Hand-overs (SIGUSR2) in real processes: the new process takes the sockets and what was known, and no connection is refused and no
 * request fails while one after the other takes the place of the one before.
 * At length: `PULSEGATE_HANDOVERS=200 PULSEGATE_HANDOVER_RATE=300`.
 */

import { createSocket } from 'node:dgram';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runOpenLoop } from '../support/open-loop.ts';
import {
  freePort,
  type ProxyProcess,
  serving,
  startBackendProcess,
  startPulsegate,
  temporaryFolder,
} from '../support/processes.ts';

const HAND_OVERS = Number(process.env.PULSEGATE_HANDOVERS ?? 2);
const PER_SECOND = Number(process.env.PULSEGATE_HANDOVER_RATE ?? 100);

interface Succession {
  readonly proxy: ProxyProcess;
  readonly folder: string;
  readonly port: number;
  /** Of the process that serves now. */
  pid(): number;
  write(keys?: object): void;
  /** Resolves once another process serves, with its pid. */
  handOver(): Promise<number>;
}

/** The first process's output is that of all of them: they inherit it. */
async function start(keys: object = {}): Promise<Succession> {
  const folder = temporaryFolder();
  const port = await freePort();
  const file = join(folder, 'pulsegate.yaml');
  const pidFile = join(folder, 'pid');
  const backends = await Promise.all(['a', 'b'].map((id) => startBackendProcess(id)));
  const write = (changed: object = {}) => {
    const configuration = {
      listeners: [{ bind: [`127.0.0.1:${port}`, `unix:${join(folder, 'socket')}`] }],
      admin: { bind: '127.0.0.1:0' },
      log: { access: 'errors' },
      drain: { timeout: '10s' },
      upstreams: {
        app: {
          backends: backends.map(({ id, port: at }) => ({ id, url: `http://127.0.0.1:${at}` })),
          retry: { attempts: 0 },
        },
      },
      ...keys,
      ...changed,
    };
    writeFileSync(file, JSON.stringify(configuration));
  };
  write();
  const pid = () => Number(readFileSync(pidFile, 'utf8'));
  const proxy = await serving(startPulsegate(['run', '-c', file, '--log-format', 'json', '--pid-file', pidFile]));
  onTestFinished(async () => {
    const last = existsSync(pidFile) ? pid() : proxy.pid;
    if (last !== proxy.pid) process.kill(last, 'SIGKILL');
  });
  const succession: Succession = {
    ...{ proxy, folder, port, pid, write },
    async handOver() {
      const before = pid();
      const count = (text: string) => proxy.lines.filter((line) => line.includes(text)).length;
      const told = () => [count('"handed over: the new process serves"'), count('does not serve after 30 s')] as const;
      const [handedOver, late] = told();
      process.kill(before, 'SIGUSR2');
      const outcome = await proxy.watch.until(
        () => {
          if (told()[0] > handedOver) return 'done';
          return told()[1] > late ? 'late' : null;
        },
        () =>
          `no hand-over by ${before}: ${proxy.lines
            .filter((line) => line.includes('hand'))
            .slice(-6)
            .join('\n')}`,
        60_000,
      );
      // Thirty seconds are an age to start in, but for a machine that is busy with a dozen other tests.
      if (outcome === 'late') return succession.handOver();
      expect(pid()).not.toBe(before);
      return pid();
    },
  };
  return succession;
}

async function stops(pid: number): Promise<void> {
  await expect
    .poll(
      () => {
        try {
          process.kill(pid, 0);
          return 'runs';
        } catch {
          return 'ended';
        }
      },
      { timeout: 20_000 },
    )
    .toBe('ended');
}

function bindsUdp(port: number): Promise<string> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => socket.close(() => resolve('bound')));
  });
}

function askUnix(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ path });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  });
}

test(`${HAND_OVERS} hand-overs at ${PER_SECOND} requests per second fail none of them [F91]`, {
  timeout: 60_000 + HAND_OVERS * 10_000,
}, async () => {
  const succession = await start();
  const { proxy, port } = succession;
  const pids = new Set([succession.pid()]);
  let isOver = false;
  const results: { status: number; error: string }[] = [];
  const load = (async () => {
    while (!isOver) results.push(...(await runOpenLoop(port, '/', PER_SECOND, 1)));
  })();
  for (let n = 0; n < HAND_OVERS; n++) pids.add(await succession.handOver());
  isOver = true;
  await load;
  const failed = results.filter(({ status }) => status !== 200);
  console.info(`${HAND_OVERS} hand-overs, ${results.length} requests, ${failed.length} failed`);
  expect(failed.slice(0, 5)).toEqual([]);
  expect(results.length).toBeGreaterThanOrEqual(PER_SECOND);
  expect(pids.size).toBe(HAND_OVERS + 1);
  // Nobody began unproven, and nobody was thought ill of by those who came later.
  expect(proxy.transitions('a').filter(({ to }) => to !== 'up')).toEqual([]);
  const last = succession.pid();
  for (const pid of pids) if (pid !== last) await stops(pid);
  expect(await askUnix(join(succession.folder, 'socket'))).toContain('200 OK');
  process.kill(last, 'SIGTERM');
  await stops(last);
  expect(existsSync(join(succession.folder, 'socket'))).toBe(false);
  expect(existsSync(join(succession.folder, 'pid'))).toBe(false);
});

test('what operators have said is handed over, and so is what probes have found', { timeout: 60_000 }, async () => {
  const [adminPort, beatPort] = [await freePort(), await freePort()];
  const succession = await start({
    admin: { bind: `127.0.0.1:${adminPort}` },
    heartbeats: {
      bind: '127.0.0.1:0',
      udp: `127.0.0.1:${beatPort}`,
      keys: [{ id: 'k', secret: 'not-much-of-a-secret', upstreams: ['app'] }],
    },
  });
  const admin = `http://127.0.0.1:${adminPort}`;
  const change = (method: string, path: string, body = '{}') =>
    fetch(`${admin}${path}`, { method, body, headers: { 'content-type': 'application/json', connection: 'close' } });
  const detail = async (id: string) =>
    (await fetch(`${admin}/health/app/${id}`)).json() as Promise<Record<string, unknown>>;
  await expect.poll(async () => (await detail('a')).status, { timeout: 15_000 }).toBe('up');
  expect((await change('POST', '/upstreams/app/backends/b/drain')).status).toBe(200);
  expect((await change('PUT', '/upstreams/app/backends/a/weight', '{"weight":3}')).status).toBe(200);
  const before = succession.pid();
  await succession.handOver();
  await stops(before);
  expect(await bindsUdp(beatPort), 'datagrams are received').toBe('EADDRINUSE');
  expect(await detail('a')).toMatchObject({ status: 'up', weight: 3 });
  expect(await detail('b')).toMatchObject({ status: 'draining', evidence: { admin: { intent: 'draining' } } });
  expect(await (await fetch(`${admin}/health`)).json()).toMatchObject({ generation: 2 });
});

test('a new process that does not start leaves the old one where it is', { timeout: 60_000 }, async () => {
  const succession = await start();
  const { proxy, port } = succession;
  const before = succession.pid();
  succession.write({ listeners: [{ bind: 'nowhere' }] });
  process.kill(before, 'SIGUSR2');
  await proxy.watch.until(
    () =>
      proxy.lines.some((line) =>
        line.includes('not handed over, this process goes on: the new process ended (exit code 2)'),
      ) || null,
    () => proxy.lines.join('\n'),
    40_000,
  );
  expect(succession.pid()).toBe(before);
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect(answer.status).toBe(200);
  // And it can, once the cause is gone.
  succession.write();
  await succession.handOver();
  await stops(before);
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
});
