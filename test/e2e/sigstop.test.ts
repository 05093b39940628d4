/** A stopped process still accepts connections: only a deadline tells. Nobody but the requests it holds may suffer. */

import { expect, it } from 'vitest';
import { runOpenLoop } from '../support/open-loop.ts';
import { startBackendProcess, startProxyProcess, transitionsInOrder } from '../support/processes.ts';

const IDS = ['a', 'b', 'c', 'd'] as const;
const DEADLINE_MS = 1_000;
/** For sweeps, timers and a loaded machine. */
const SLACK_MS = 700;

it('requests held by a stopped backend end by their deadline, and only those fail [F80]', {
  timeout: 30_000,
}, async () => {
  const backends = await Promise.all(IDS.map((id) => startBackendProcess(id)));
  const [, , victim] = backends as [never, never, (typeof backends)[number]];
  const proxy = await startProxyProcess({
    upstreams: {
      app: {
        backends: backends.map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` })),
        probe: { interval: '1s', fast_interval: '100ms', timeout: '600ms' },
        outliers: { ejection: '2s' },
        timeouts: { response_header: `${DEADLINE_MS}ms` },
        retry: { attempts: 0 },
      },
    },
  });
  for (const id of IDS) await transitionsInOrder(proxy, id, ['up']);

  const load = runOpenLoop(proxy.port, '/work', 200, 5);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const seen = proxy.transitions(victim.id).length;
  victim.kill('SIGSTOP');
  const removal = await proxy.watch.until(
    () =>
      proxy
        .transitions(victim.id)
        .slice(seen)
        .find(({ to }) => to === 'down' || to === 'ejected') ?? null,
    () => 'the stopped backend was never removed',
  );
  const results = await load;

  const failed = results.filter(({ status }) => status !== 200);
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.filter(({ status }) => status !== 504)).toEqual([]);
  expect(failed.filter(({ durationMs }) => durationMs > DEADLINE_MS + SLACK_MS)).toEqual([]);
  // It returns on trial at most once in two seconds, with one request: those may fail, too, but no others.
  const lateFailures = failed.filter(({ startedAt }) => startedAt > removal.time + 50);
  expect(lateFailures.length).toBeLessThanOrEqual(trialsOf(proxy.transitions(victim.id).slice(seen)));

  victim.kill('SIGCONT');
  const before = proxy.transitions(victim.id).length;
  const [more] = await Promise.all([
    runOpenLoop(proxy.port, '/work', 100, 4),
    transitionsInOrder(proxy, victim.id, ['up'], before),
  ]);
  expect(more.filter(({ status }) => status !== 200).length).toBeLessThanOrEqual(1);
});

function trialsOf(transitions: readonly { readonly to: string }[]): number {
  return transitions.filter(({ to }) => to === 'trial').length;
}
