/** What the dashboard shows, in a real browser, and what it costs the proxy. */

import { describe, expect, it } from 'vitest';
import { hasBrowser, openPage, skipReason, useBrowser } from './browser.ts';
import { startFakeFleet } from './fake-fleet.ts';

useBrowser();

describe.skipIf(!hasBrowser)(`the dashboard${skipReason}`, () => {
  it('shows state, reason and numbers of every backend, and says them in words', async () => {
    const fleet = await startFakeFleet({ ids: ['a', 'b', 'c'] });
    fleet.set('b', { status: 'ejected', reason: '5 failures in a row' });
    fleet.set('c', {
      heartbeat: { verdict: 'lost', seq: 4 },
      load: { utilization: 0.62, source: 'heartbeat', age_ms: 9 },
      role: 'primary',
    });
    const { page, expectQuiet } = await openPage(fleet.url);
    const row = page.locator('tr[data-backend="b"]');
    await row.getByText('ejected').waitFor();
    expect(await row.innerText()).toMatch(/5 failures in a row/);
    expect(await page.locator('tr[data-backend]').count()).toBe(3);
    const last = page.locator('tr[data-backend="c"]');
    expect(await last.locator('.pulse').innerText()).toBe('lost');
    expect(await last.innerText()).toMatch(/primary · 1\.4\.2/);
    expect(await last.locator('.load-cell').textContent()).toBe('62 %');
    expect(await page.locator('[data-pool="app"] header').innerText()).toMatch(/degraded\s+2 of 3 available/);
    expect(await page.title()).toBe('(1) Pulsegate');
    const plot = page.locator('.plot').first();
    await plot.locator('.u-over').hover();
    await plot
      .locator('.when')
      .filter({ hasText: /^\d\d:\d\d:\d\d$/ })
      .waitFor();
    expectQuiet(fleet.url);
  });

  it('is served under a policy that allows nothing but its own files, without inline code or style', async () => {
    const fleet = await startFakeFleet({ ids: ['a'] });
    const answer = await fetch(fleet.url);
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    for (const part of ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "trusted-types 'none'"]) {
      expect(policy).toContain(part);
    }
    expect(policy).not.toContain('unsafe');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await answer.text()).not.toMatch(/<style|<script>|\son\w+=|style=/);
  });

  it('shows a change at once, and the transition with its evidence', async () => {
    const fleet = await startFakeFleet({ ids: ['a', 'b'] });
    const { page, expectQuiet } = await openPage(fleet.url);
    await page.locator('tr[data-backend="a"]').waitFor();
    fleet.set('a', { status: 'down', reason: '3 probes failed in a row' });
    await page.locator('tr[data-backend="a"][data-status="down"]').waitFor();
    const entry = page.locator('.timeline li').first();
    expect(await entry.innerText()).toMatch(/app\/a[\s\S]*up[\s\S]*down[\s\S]*3 probes failed in a row by probe/);
    await page.getByRole('status').filter({ hasText: 'a of app: down' }).waitFor({ state: 'attached' });
    expectQuiet(fleet.url);
  });

  it('warns of panic, and of a proxy that runs late itself', async () => {
    const fleet = await startFakeFleet({ ids: ['a', 'b'] });
    const { page } = await openPage(fleet.url);
    await page.locator('tr[data-backend="a"]').waitFor();
    expect(await page.locator('.banner').count()).toBe(0);
    fleet.panic = true;
    fleet.self = { awareness: 3, loop_lag_ms: 240, workers: 1 };
    await page.locator('[data-banner="panic"]').filter({ hasText: 'app is in panic' }).waitFor();
    await page.locator('[data-banner="self"]').filter({ hasText: 'awareness 3 of 7' }).waitFor();
  });

  it('puts names and reasons in as text, whatever they hold [F140]', async () => {
    const canary = '<img src=x onerror="document.title=1">';
    const fleet = await startFakeFleet({ ids: ['a', canary, '"><script>document.title=2</script>'] });
    fleet.set(canary, {
      status: 'down',
      reason: `<svg onload=document.title=3> ${canary}`,
      version: canary,
      role: '<b>x',
    });
    const { page, expectQuiet } = await openPage(`${fleet.url}/#app/${encodeURIComponent(canary)}`);
    await page.locator('.detail h2').filter({ hasText: canary }).waitFor();
    await page.locator('.evidence').waitFor();
    expect(await page.locator('.because').innerText()).toContain('<svg onload=');
    expect(await page.locator('img, script:not([src]), .reason svg').count()).toBe(0);
    expect(await page.title()).toBe('(1) Pulsegate');
    expectQuiet(fleet.url);
  });

  it('lets go of its connection in a hidden tab, and takes it up again when it shows', async () => {
    const fleet = await startFakeFleet({ ids: ['a'] });
    const { page } = await openPage('about:blank');
    await page.clock.install();
    await page.goto(fleet.url);
    await page.locator('tr[data-backend="a"]').waitFor();
    expect(fleet.isFollowed).toBe(true);
    const show = (isHidden: boolean) =>
      page.evaluate(`
        Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));`);
    await show(true);
    await page.clock.fastForward(11_000);
    await expect.poll(() => fleet.isFollowed).toBe(false);
    // Nor does it try again: whatever was asked for before this question would have been answered by now.
    await page.clock.fastForward(60_000);
    await page.evaluate("fetch('/livez')");
    expect(fleet.isFollowed).toBe(false);
    fleet.set('a', { status: 'down' });
    await show(false);
    await page.locator('tr[data-backend="a"][data-status="down"]').waitFor();
  });

  it('costs the proxy nothing when nobody watches, and one picture a second for all who do', async () => {
    const fleet = await startFakeFleet({ ids: ['a'] });
    expect(fleet.pictures).toBe(0);
    const first = await openPage(fleet.url);
    await first.page.locator('tr[data-backend="a"]').waitFor();
    const second = await openPage(fleet.url);
    await second.page.locator('tr[data-backend="a"]').waitFor();
    const from = fleet.pictures;
    const beganMs = performance.now();
    fleet.set('a', { version: 'another' });
    await second.page.getByText('another').first().waitFor();
    expect(fleet.pictures - from).toBeLessThanOrEqual(2 + (performance.now() - beganMs) / 1_000);
  });
});
