/** The dashboard before a real proxy with real backends and traffic: what happens to them is seen, and what is done there happens. */

import { Agent, get } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ProxyProcess, startBackendProcess, startProxyProcess } from '../support/processes.ts';
import { hasBrowser, openPage, skipReason, useBrowser } from './browser.ts';

useBrowser();

/** From the moment in which the proxy decided to the moment in which it can be read. */
const SEEN_WITHIN_MS = 2_000;

async function startPool() {
  const backends = await Promise.all(['a', 'b', 'c'].map((id) => startBackendProcess(id)));
  const proxy = await startProxyProcess({
    upstreams: {
      app: {
        backends: backends.map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` })),
        probe: { interval: '500ms', fast_interval: '100ms', fall: 2 },
      },
    },
  });
  return { proxy, backends, url: `http://127.0.0.1:${proxy.adminPort}` };
}

/** One request after the other, until the test ends. Counts who answered. */
function startTraffic({ port }: ProxyProcess): Map<string, number> {
  const answered = new Map<string, number>();
  const agent = new Agent({ keepAlive: true });
  let isWanted = true;
  const ask = () => {
    if (!isWanted) return;
    get({ port, host: '127.0.0.1', agent }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => {
        answered.set(text, (answered.get(text) ?? 0) + 1);
        setTimeout(ask, 5);
      });
    }).on('error', () => setTimeout(ask, 5));
  };
  for (let i = 0; i < 4; i++) ask();
  onTestFinished(() => {
    isWanted = false;
    agent.destroy();
  });
  return answered;
}

describe.skipIf(!hasBrowser)(`the dashboard of a real proxy${skipReason}`, () => {
  it('shows within two seconds that a killed backend is down, and why', async () => {
    const { proxy, backends, url } = await startPool();
    startTraffic(proxy);
    const { page, expectQuiet } = await openPage(url);
    await page.locator('tr[data-backend="b"][data-status="up"]').waitFor();
    backends[1]?.kill('SIGKILL');
    const row = page.locator('tr[data-backend="b"]:is([data-status="down"], [data-status="ejected"])');
    await row.waitFor();
    const seenMs = Date.now();
    expect(await row.innerText()).toMatch(/(connect ECONNREFUSED|in a row)/);
    const decided = await proxy.watch.until(
      () => proxy.transitions('b').find(({ to }) => to === 'down' || to === 'ejected') ?? null,
      () => 'the log does not tell of it',
    );
    expect(seenMs - decided.time).toBeLessThan(SEEN_WITHIN_MS);
    expectQuiet(url);
  });

  it('drains a backend: the traffic leaves it, and the page shows that', async () => {
    const { proxy, url } = await startPool();
    const answered = startTraffic(proxy);
    const { page, expectQuiet } = await openPage(`${url}/#app/a`);
    const share = page.locator('tr[data-backend="a"] .share-cell');
    await share.filter({ hasText: /[1-9]/ }).waitFor();
    await page.getByRole('button', { name: 'Drain' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
    await page.locator('tr[data-backend="a"][data-status="draining"]').waitFor();
    const names = [...answered.keys()];
    expect(names.length).toBe(3);
    await share.filter({ hasText: /^0 %/ }).waitFor();
    const before = new Map(answered);
    await expect.poll(() => total(answered) - total(before), { timeout: 20_000 }).toBeGreaterThan(50);
    const moved = names.filter((name) => answered.get(name) !== before.get(name));
    expect(moved.length).toBe(2);
    await page.locator('[data-source="operator"]').filter({ hasText: 'draining' }).waitFor();
    expectQuiet(url);
  });
});

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
