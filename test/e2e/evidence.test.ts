/** Backends that answer their probes and yet are not well: traffic finds them, and passing probes do not bring them back. */

import { expect, it } from 'vitest';
import { backendEntries, behave, healthOf, poll, readAdmin, startBackends, transitionTo } from '../support/evidence.ts';
import { runOpenLoop } from '../support/open-loop.ts';
import { type BackendProcess, startProxyProcess, transitionsInOrder } from '../support/processes.ts';

type Trio = [victim: BackendProcess, ...others: BackendProcess[]];

const POLICIES = ['round_robin', 'weighted_round_robin', 'least_request', 'random'] as const;
const WINDOW_MS = 10_000;

it('a backend that fails a third of its requests is out within the window, whatever its probes say', {
  timeout: 30_000,
}, async () => {
  // The default is 10 s.
  const ejectionMs = 3_000;
  const backends = (await startBackends(['a', 'b', 'c'])) as Trio;
  const proxy = await startProxyProcess({
    upstreams: {
      app: {
        backends: backendEntries(backends),
        probe: { interval: '500ms', fast_interval: '200ms' },
        outliers: { ejection: `${ejectionMs}ms` },
        retry: { attempts: 0 },
      },
    },
  });
  for (const { id } of backends) await transitionsInOrder(proxy, id, ['up']);
  await behave(backends[0], { fail: 1, of: 3 });

  const beganAt = Date.now();
  const load = runOpenLoop(proxy.port, '/work', 120, 7);
  const ejected = await transitionTo(proxy, 'a', ['ejected']);
  const seen = proxy.transitions('a').length;
  expect(ejected.time - beganAt).toBeLessThan(WINDOW_MS);
  expect(ejected.msg).toMatch(/\d+(\.\d)? % of \d+ requests failed/);
  const { evidence } = await healthOf(proxy, 'a');
  expect(evidence.probe.verdict).toBe('up');
  await poll(
    async () => {
      const now = await healthOf(proxy, 'a');
      expect(now.status).toBe('ejected');
      return now.evidence.probe.consecutive.passes >= evidence.probe.consecutive.passes + 4 || null;
    },
    () => 'no probe passed during the ejection',
  );
  const trial = await transitionTo(proxy, 'a', ['trial', 'suspect', 'up'], seen);
  expect(trial.to).toBe('trial');
  expect(trial.time - ejected.time).toBeGreaterThanOrEqual(ejectionMs - 5);

  const results = await load;
  const whileOut = results.filter(({ startedAt }) => startedAt > ejected.time + 50 && startedAt < trial.time - 50);
  expect(whileOut.length).toBeGreaterThan(100);
  expect(whileOut.filter(({ backend, status }) => backend === 'a' || status !== 200)).toEqual([]);
});

it('failing at once attracts no more than twice its fair share under any policy, and not for long', {
  timeout: 30_000,
}, async () => {
  const backends = (await startBackends(['a', 'b', 'c'])) as Trio;
  const prefix = (policy: string) => `${policy}-`;
  const proxy = await startProxyProcess({
    listeners: [{ bind: '127.0.0.1:0', routes: POLICIES.map((policy) => ({ path: `/${policy}/`, upstream: policy })) }],
    upstreams: Object.fromEntries(
      POLICIES.map((policy) => [
        policy,
        { balance: policy, backends: backendEntries(backends, prefix(policy)), retry: { attempts: 0 } },
      ]),
    ),
  });
  for (const policy of POLICIES) {
    for (const { id } of backends) await transitionsInOrder(proxy, prefix(policy) + id, ['up']);
  }
  // Never five failures in a row: only the window tells.
  for (const backend of backends) await behave(backend, { delayMs: 50 });
  await behave(backends[0], { fail: 4, of: 5 });

  const loads = await Promise.all(POLICIES.map((policy) => runOpenLoop(proxy.port, `/${policy}/`, 60, 4)));

  POLICIES.forEach((policy, index) => {
    const victim = prefix(policy) + backends[0].id;
    const [ejected] = proxy.transitions(victim).filter(({ to }) => to === 'ejected');
    expect(ejected, `${victim} was not ejected: ${JSON.stringify(proxy.transitions(victim))}`).toBeDefined();
    const before = (loads[index] ?? []).filter(({ startedAt }) => startedAt < (ejected?.time ?? 0));
    const share = before.filter(({ backend }) => backend === 'a').length / before.length;
    expect(share, `its share of ${before.length} requests under ${policy}`).toBeLessThanOrEqual(2 / backends.length);
  });
});

it.each([3, 5])(
  'of %d backends the one that is ten times slower loses weight, then leaves',
  {
    timeout: 30_000,
  },
  async (count) => {
    const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, count);
    const backends = (await startBackends(ids)) as Trio;
    const proxy = await startProxyProcess({
      upstreams: {
        // A fifth of the defaults. In turns: the default policy leaves a slow backend too few requests to judge it by.
        app: {
          balance: 'round_robin',
          backends: backendEntries(backends),
          outliers: { window: '2s', min_requests: 4 },
        },
      },
    });
    for (const id of ids) await transitionsInOrder(proxy, id, ['up']);
    for (const backend of backends) await behave(backend, { delayMs: 20 });
    await behave(backends[0], { delayMs: 200 });
    const seen = proxy.transitions('a').length;

    const load = runOpenLoop(proxy.port, '/work', 25 * count, 5);
    const suspect = await transitionTo(proxy, 'a', ['suspect', 'ejected', 'down'], seen);
    expect(suspect).toMatchObject({ to: 'suspect', msg: expect.stringMatching(/median latency .* its peers'/) });
    expect((await healthOf(proxy, 'a')).effective_weight).toBeLessThanOrEqual(0.25);
    const ejected = await transitionTo(proxy, 'a', ['up', 'ejected', 'down'], seen + 1);
    expect(ejected.to).toBe('ejected');
    const results = await load;
    expect(results.filter(({ status }) => status !== 200)).toEqual([]);
    expect(results.filter(({ backend, startedAt }) => backend === 'a' && startedAt > ejected.time + 50)).toEqual([]);
    const { upstreams } = (await readAdmin(proxy, '/health')) as { upstreams: { app: object } };
    expect(upstreams.app).toMatchObject({ status: 'degraded', available: count - 1 });
  },
);
