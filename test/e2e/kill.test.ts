/** A backend process is killed under load and comes back: no client notices, and the proxy can tell the story. */

import { expect, it } from 'vitest';
import { pause } from '../support/evidence.ts';
import { runOpenLoop } from '../support/open-loop.ts';
import { startBackendProcess, startProxyProcess, transitionsInOrder } from '../support/processes.ts';

const IDS = ['a', 'b', 'c', 'd'] as const;
const PER_SECOND = 300;
const SECONDS = 8;
const KILL_AT_MS = 2_000;
const RESTART_AT_MS = 5_000;

it('kill -9 of one backend of four fails no request, and it returns on trial', { timeout: 40_000 }, async () => {
  const backends = await Promise.all(IDS.map((id) => startBackendProcess(id)));
  const [, victim] = backends as [never, (typeof backends)[number]];
  const proxy = await startProxyProcess({
    upstreams: {
      app: {
        backends: backends.map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` })),
        probe: { interval: '1s', fast_interval: '100ms', timeout: '1s' },
        outliers: { ejection: '1s' },
      },
    },
  });
  for (const id of IDS) await transitionsInOrder(proxy, id, ['up']);

  const load = runOpenLoop(proxy.port, '/work', PER_SECOND, SECONDS);
  await pause(KILL_AT_MS);
  const seen = proxy.transitions(victim.id).length;
  victim.kill('SIGKILL');
  await victim.exited;
  const removal = await proxy.watch.until(
    () =>
      proxy
        .transitions(victim.id)
        .slice(seen)
        .find(({ to }) => to === 'down' || to === 'ejected') ?? null,
    () => 'the killed backend was never removed',
  );
  expect(removal.msg).toMatch(/\d/);
  const why = (await admin(proxy.adminPort, `/health/app/${victim.id}`)) as { status: string; why: string };
  expect(['down', 'ejected']).toContain(why.status);
  expect(why.why).toMatch(/ECONNREFUSED|ECONNRESET|closed|refused|reset/);
  const health = (await admin(proxy.adminPort, '/health')) as {
    upstreams: { app: { status: string; available: number } };
  };
  expect(health.upstreams.app).toMatchObject({ status: 'degraded', available: 3 });

  await pause(RESTART_AT_MS - KILL_AT_MS);
  await startBackendProcess(victim.id, victim.port);
  const results = await load;

  expect(results.filter(({ status }) => status !== 200)).toEqual([]);
  expect(results).toHaveLength(PER_SECOND * SECONDS);
  await transitionsInOrder(proxy, victim.id, ['trial', 'up'], seen);
  const served = new Set(results.map(({ backend }) => backend));
  expect([...served].sort()).toEqual([...IDS]);
  const late = results.filter(({ backend, startedAt }) => backend === victim.id && startedAt > removal.time + 1_000);
  expect(late.length).toBeGreaterThan(0);
});

async function admin(port: number, path: string): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).json();
}
