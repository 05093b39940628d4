/** When the proxy itself stood still, or everything fails at once, the backends are not the ones to blame. */

import { expect, it, onTestFinished } from 'vitest';
import { startHeartbeat } from '../../src/sender/heartbeat.ts';
import { backendEntries, pause, poll, readAdmin, startBackends, transitionTo } from '../support/evidence.ts';
import { runOpenLoop } from '../support/open-loop.ts';
import {
  type BackendProcess,
  freePort,
  type ProxyProcess,
  startBackendProcess,
  startProxyProcess,
  transitionsInOrder,
} from '../support/processes.ts';

const IDS = ['a', 'b', 'c', 'd'] as const;
const STALLS_MS = [500, 2_000, 500, 2_000];
/** Long enough for whatever a stall left behind to come out. */
const BETWEEN_MS = 900;

const SETTINGS = {
  defaults: {},
  'deadlines shorter than the stalls, and probes always under way': {
    probe: { path: '/slow/150', interval: '300ms', fast_interval: '100ms', timeout: '400ms' },
    heartbeat: { interval: '300ms', lease: '900ms', required: true },
    timeouts: { response_header: '1s', request: '1s' },
  },
};

it('a proxy that stood still blames nobody, and fails no request for the time that it lost [F68]', {
  timeout: 30_000,
}, async () => {
  const backends = await startBackends(IDS);
  const proxies = await Promise.all(Object.values(SETTINGS).map((settings) => startStallingProxy(backends, settings)));
  const loads = proxies.map(({ port }) => runOpenLoop(port, '/slow/50', 60, 9));
  await pause(BETWEEN_MS);
  for (const stallMs of STALLS_MS) {
    for (const proxy of proxies) proxy.kill('SIGSTOP');
    await pause(stallMs);
    for (const proxy of proxies) proxy.kill('SIGCONT');
    await pause(BETWEEN_MS);
  }
  const results = await Promise.all(loads);
  expect(results.flat().filter(({ status }) => status !== 200)).toEqual([]);
  Object.keys(SETTINGS).forEach((name, index) => {
    const { lines, transitions } = proxies[index] as ProxyProcess;
    const afterTheFirst = IDS.flatMap((id) => transitions(id).slice(1));
    expect(
      afterTheFirst.map(({ msg }) => msg),
      name,
    ).toEqual([]);
    const noticed = lines.filter((line) => line.includes('we stood still for'));
    expect(noticed.length, name).toBeGreaterThanOrEqual(STALLS_MS.filter((stallMs) => stallMs > 1_000).length);
  });
});

/** Probed, and told by heartbeats that everybody is well. */
async function startStallingProxy(backends: readonly BackendProcess[], settings: object): Promise<ProxyProcess> {
  const receiver = await freePort();
  const proxy = await startProxyProcess({
    heartbeats: { bind: `127.0.0.1:${receiver}` },
    upstreams: { app: { backends: backendEntries(backends), heartbeat: {}, ...settings } },
  });
  for (const backend of IDS) {
    const sender = startHeartbeat({ to: `http://127.0.0.1:${receiver}`, upstream: 'app', backend });
    onTestFinished(() => sender.stop());
  }
  for (const id of IDS) await transitionsInOrder(proxy, id, ['up']);
  return proxy;
}

interface AppHealth {
  readonly status: string;
  readonly panic: boolean;
  readonly backends: readonly { readonly status: string; readonly effective_weight: number }[];
}

async function appHealth(proxy: ProxyProcess): Promise<AppHealth> {
  return ((await readAdmin(proxy, '/health')) as { upstreams: { app: AppHealth } }).upstreams.app;
}

async function startPool(): Promise<{ proxy: ProxyProcess; backends: readonly BackendProcess[] }> {
  const backends = await startBackends(IDS);
  const proxy = await startProxyProcess({
    upstreams: {
      app: {
        backends: backendEntries(backends),
        // A tenth of the defaults.
        probe: { interval: '500ms', fast_interval: '100ms', timeout: '200ms' },
        outliers: { ejection: '1s' },
        timeouts: { response_header: '500ms' },
        // By weight alone: who is slow on a busy machine is none of this.
        balance: 'round_robin',
      },
    },
  });
  for (const id of IDS) await transitionsInOrder(proxy, id, ['up']);
  return { proxy, backends };
}

/** Nobody has the work in hand that another could be spared, and nobody is met by all of it. */
async function expectEvenReturn(proxy: ProxyProcess): Promise<void> {
  await poll(
    async () => ((await appHealth(proxy)).backends.every(({ status }) => status === 'up') ? true : null),
    () => `not all came back: ${IDS.map((id) => JSON.stringify(proxy.transitions(id).at(-1)))}`,
  );
  const { panic, backends } = await appHealth(proxy);
  expect(panic).toBe(false);
  expect(backends.map(({ effective_weight }) => effective_weight)).toEqual(IDS.map(() => 1));
  const after = await runOpenLoop(proxy.port, '/work', 100, 2);
  expect(after.filter(({ status }) => status !== 200)).toEqual([]);
  for (const id of IDS) {
    const share = after.filter(({ backend }) => backend === id).length / after.length;
    expect(share, id).toBeGreaterThan(0.5 / IDS.length);
    expect(share, id).toBeLessThan(2 / IDS.length);
  }
}

it('when all backends fall silent at once none is removed, panic serves, and all return together', {
  timeout: 30_000,
}, async () => {
  const { proxy, backends } = await startPool();
  const load = runOpenLoop(proxy.port, '/work', 40, 5);
  await pause(500);
  for (const backend of backends) backend.kill('SIGSTOP');
  const suspected = await proxy.watch.until(
    () => {
      const held = IDS.flatMap((id) => proxy.transitions(id)).filter(({ msg }) => /mass failure suspected/.test(msg));
      return held.length > 0 ? held : null;
    },
    () => `nobody suspected a mass failure: ${IDS.map((id) => JSON.stringify(proxy.transitions(id)))}`,
  );
  expect(suspected.every(({ to }) => to === 'suspect')).toBe(true);
  await pause(1_500);
  expect(await appHealth(proxy)).toMatchObject({ panic: true });
  const continuedAt = Date.now();
  for (const backend of backends) backend.kill('SIGCONT');
  await expectEvenReturn(proxy);
  const removals = IDS.flatMap((id) => proxy.transitions(id)).filter(({ to }) => to === 'down' || to === 'ejected');
  // At most those who failed before it showed that everybody did, and nobody for what was.
  const removed = IDS.filter((id) => proxy.transitions(id).some(({ to }) => to === 'down' || to === 'ejected'));
  expect(removed.length).toBeLessThanOrEqual(IDS.length / 2);
  expect(removals.filter(({ time }) => time >= continuedAt)).toEqual([]);
  const late = (await load).filter(({ startedAt }) => startedAt > continuedAt + 200);
  expect(late.length).toBeGreaterThan(20);
  expect(late.filter(({ status }) => status !== 200)).toEqual([]);
});

it('when all backends are killed at once panic keeps trying, and the first one back is used', {
  timeout: 30_000,
}, async () => {
  const { proxy, backends } = await startPool();
  const load = runOpenLoop(proxy.port, '/work', 40, 6);
  for (const backend of backends) backend.kill('SIGKILL');
  for (const { id } of backends) await transitionTo(proxy, id, ['down', 'ejected', 'suspect'], 1);
  expect(await appHealth(proxy)).toMatchObject({ status: 'down', panic: true });
  await Promise.all(backends.map(({ id, port }) => startBackendProcess(id, port)));
  const backAt = Date.now();
  await expectEvenReturn(proxy);
  const results = await load;
  const firstServed = results.find(({ startedAt, status }) => startedAt > backAt && status === 200);
  expect(firstServed?.startedAt).toBeLessThan(backAt + 1_000);
});
