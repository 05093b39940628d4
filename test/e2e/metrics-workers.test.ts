/** With several workers the metrics are of all of them, and those of a worker that was killed are not lost. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Scraped, scrapeUntil } from '../support/metrics.ts';
import { type ProxyProcess, startBackendProcess, startProxyProcess } from '../support/processes.ts';

const REQUESTS = 40;

it('counts of all workers add up, and never go back', { timeout: 60_000 }, async () => {
  const backend = await startBackendProcess('a');
  const proxy = await startProxyProcess({
    workers: 2,
    upstreams: { app: { backends: [`http://127.0.0.1:${backend.port}`], probe: false } },
  });
  const url = `http://127.0.0.1:${proxy.adminPort}`;
  const hasServed = (count: number) => (page: Scraped) =>
    page.sum('pulsegate_requests_total', 'code_class="2xx"') === count &&
    page.sum('pulsegate_attempts_total', 'outcome="ok"') === count;
  await ask(proxy, REQUESTS);
  const before = await scrapeUntil(url, hasServed(REQUESTS));
  expect(before.of('pulsegate_workers')).toBe(2);
  expect(before.sum('pulsegate_request_duration_seconds_count')).toBe(REQUESTS);
  process.kill(workersOf(proxy)[0] as number, 'SIGKILL');
  await proxy.watch.until(
    () => proxy.lines.some((line) => line.includes('another one takes its place')) || null,
    () => proxy.lines.join('\n'),
  );
  await scrapeUntil(url, ({ of }) => of('pulsegate_workers') === 2);
  await ask(proxy, REQUESTS);
  const after = await scrapeUntil(url, hasServed(2 * REQUESTS));
  expect(after.sum('pulsegate_connections_accepted_total')).toBeGreaterThanOrEqual(2 * REQUESTS);
  proxy.kill('SIGTERM');
  await proxy.exited;
});

/** Each on a connection of its own, so that any worker may get it. */
async function ask({ port }: ProxyProcess, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
  }
}

function workersOf({ pid }: ProxyProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}
