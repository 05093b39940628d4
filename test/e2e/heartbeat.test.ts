/** Signed heartbeats from processes beside the backends: silence, a farewell, a forger, and the way back. */

import { expect, it, vi } from 'vitest';
import { backendEntries, healthOf, poll, startBackends, transitionTo } from '../support/evidence.ts';
import { runOpenLoop } from '../support/open-loop.ts';
import {
  freePort,
  type RunningProcess,
  startProxyProcess,
  startPulsegate,
  transitionsInOrder,
} from '../support/processes.ts';

/** A third of the defaults, so that the test is short; the ratio is theirs. */
const INTERVAL_MS = 700;
const LEASE_MS = 2_100;
/** Senders vary their waits by a tenth. */
const JITTER = 0.1;
const IDS = ['a', 'b', 'c'] as const;

it('the silence of one sender takes its backend out within the lease, and nobody notices', {
  timeout: 40_000,
}, async () => {
  vi.stubEnv('TEST_SECRET', 'the secret of the fleet');
  vi.stubEnv('OTHER_SECRET', 'not the secret of the fleet');
  const receiver = await freePort();
  const proxy = await startProxyProcess({
    heartbeats: {
      bind: `127.0.0.1:${receiver}`,
      keys: [{ id: 'fleet', secret: '${env:TEST_SECRET}', upstreams: ['app'] }],
    },
    upstreams: {
      app: {
        backends: backendEntries(await startBackends(IDS)),
        heartbeat: { interval: `${INTERVAL_MS}ms`, lease: `${LEASE_MS}ms`, required: true },
      },
    },
  });
  const send = (backend: string, secretEnv = 'TEST_SECRET'): RunningProcess =>
    startPulsegate([
      ...['beat', '--to', `http://127.0.0.1:${receiver}`, '--upstream', 'app', '--backend', backend],
      ...['--interval', `${INTERVAL_MS}ms`, '--key', 'fleet', '--secret-env', secretEnv],
    ]);
  const first = send('a');
  send('b');
  send('c', 'OTHER_SECRET');
  await Promise.all([transitionsInOrder(proxy, 'a', ['up']), transitionsInOrder(proxy, 'b', ['up'])]);

  const load = runOpenLoop(proxy.port, '/work', 50, 7);
  let seen = proxy.transitions('a').length;
  const killedAt = Date.now();
  first.kill('SIGKILL');
  const suspect = await transitionTo(proxy, 'a', ['suspect'], seen);
  const down = await transitionTo(proxy, 'a', ['down'], seen);
  expect(suspect.time).toBeLessThan(down.time);
  expect(suspect.msg).toMatch(/silent for .* \(phi \d/);
  // The last beat came at most one interval before the kill.
  expect(down.time - killedAt).toBeLessThanOrEqual(LEASE_MS + 100);
  expect(down.time - killedAt).toBeGreaterThanOrEqual(LEASE_MS - INTERVAL_MS * (1 + JITTER) - 100);
  expect((await healthOf(proxy, 'a')).evidence.probe.verdict).toBe('up');

  seen = proxy.transitions('a').length;
  const second = send('a');
  await transitionsInOrder(proxy, 'a', ['trial', 'up'], seen);

  seen = proxy.transitions('a').length;
  second.kill('SIGTERM');
  const draining = await transitionTo(proxy, 'a', ['draining'], seen);
  expect(draining.msg).toContain('its heartbeat says that it is draining');
  expect(await second.exited).toBe(0);

  seen = proxy.transitions('a').length;
  send('a');
  const trial = await transitionTo(proxy, 'a', ['trial'], seen);
  await transitionsInOrder(proxy, 'a', ['trial', 'up'], seen);

  const results = await load;
  expect(results.filter(({ status }) => status !== 200)).toEqual([]);
  const whileDraining = results.filter(
    ({ startedAt }) => startedAt > draining.time + 50 && startedAt < trial.time - 50,
  );
  expect(whileDraining.length).toBeGreaterThan(0);
  expect(new Set(whileDraining.map(({ backend }) => backend))).toEqual(new Set(['b']));
  // Whoever cannot sign is not heard: the third backend waits for its first heartbeat to the end.
  const refused = await poll(
    async () => (await healthOf(proxy, 'c')).evidence.heartbeat.rejected_total || null,
    () => 'no forged heartbeat was counted',
  );
  expect(refused).toBeGreaterThan(1);
  expect(results.filter(({ backend }) => backend === 'c')).toEqual([]);
  expect(proxy.transitions('c')).toEqual([]);
});
