/** Changing the pool from the dashboard: with the pointer, with the keyboard alone, with a token, and while the proxy restarts. */

import { describe, expect, it } from 'vitest';
import { hasBrowser, openPage, skipReason, useBrowser } from './browser.ts';
import { startFakeFleet } from './fake-fleet.ts';

useBrowser();

describe.skipIf(!hasBrowser)(`an operator at the dashboard${skipReason}`, () => {
  it('sees the evidence of all sources for the backend that was clicked', async () => {
    const fleet = await startFakeFleet({ ids: ['a', 'b'] });
    const { page, expectQuiet } = await openPage(fleet.url);
    await page.locator('tr[data-backend="b"] .why-cell').click();
    await page.locator('.evidence').waitFor();
    const sources = await page.locator('.source-block h4').allInnerTexts();
    expect(sources).toEqual(['probe', 'heartbeat', 'outcomes', 'load', 'operator']);
    expect(await page.locator('[data-source="outcomes"]').innerText()).toContain('1 of 120 failed');
    expect(page.url()).toBe(`${fleet.url}/#app/b`);
    expectQuiet(fleet.url);
  });

  it('is asked back before a change, and changes nothing by cancelling', async () => {
    const fleet = await startFakeFleet({ ids: ['a', 'b'] });
    const { page, expectQuiet } = await openPage(`${fleet.url}/#app/a`);
    await page.getByRole('button', { name: 'Drain' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.innerText()).toMatch(/Drain app\/a\?[\s\S]*those in flight \(3\)/);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(fleet.changes).toEqual([]);
    await page.getByRole('button', { name: 'Drain' }).click();
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await page.locator('tr[data-backend="a"][data-status="draining"]').waitFor();
    await page.getByRole('button', { name: 'Drain', disabled: true }).waitFor();
    await page.getByRole('button', { name: 'Disable' }).click();
    await dialog.getByRole('button', { name: 'Disable' }).click();
    await page.locator('tr[data-backend="a"][data-status="disabled"]').waitFor();
    await page.getByRole('button', { name: 'Enable', disabled: false }).click();
    await dialog.getByRole('button', { name: 'Enable' }).click();
    await page.locator('tr[data-backend="a"][data-status="up"]').waitFor();
    await page.getByLabel('New weight').fill('2.5');
    await page.getByRole('button', { name: 'Set weight' }).click();
    await dialog.getByRole('button', { name: /^Set weight/ }).click();
    await page.locator('tr[data-backend="a"] .weight-cell').filter({ hasText: '2.50' }).waitFor();
    expect(fleet.changes).toEqual(['a draining', 'a disabled', 'a enabled', 'a weight 2.5']);
    expectQuiet(fleet.url);
  });

  it('is warned before taking the last available backend away', async () => {
    const fleet = await startFakeFleet({ ids: ['a', 'b'] });
    fleet.set('b', { status: 'down' });
    const { page } = await openPage(`${fleet.url}/#app/a`);
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.getByRole('dialog').getByText('the last backend of app that is available').waitFor();
  });

  it('needs no pointer: walks the rows, reads, changes, and comes back to where it was', async () => {
    const fleet = await startFakeFleet({ ids: ['a', 'b', 'c'] });
    const { page, expectQuiet } = await openPage(fleet.url);
    await page.locator('tr[data-backend="a"]').waitFor();
    const focused = () => page.evaluate('document.activeElement.textContent');
    for (let i = 0; i < 12 && (await focused()) !== 'a'; i++) await page.keyboard.press('Tab');
    expect(await focused()).toBe('a');
    // Seen, too: the row of what has the focus is outlined.
    const outlineOf = "getComputedStyle(document.activeElement.closest('tr')).outlineStyle";
    expect(await page.evaluate(outlineOf)).toBe('solid');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    expect(await focused()).toBe('b');
    await page.keyboard.press('Enter');
    await page.locator('.evidence').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('detail-title');
    for (let i = 0; i < 5 && (await focused()) !== 'Drain'; i++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    expect(await focused()).toBe('Drain');
    await page.keyboard.press('Enter');
    await page.locator('tr[data-backend="b"][data-status="draining"]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.detail').waitFor({ state: 'detached' });
    // The focus follows the panel's end, a frame later.
    await expect.poll(() => page.evaluate("document.activeElement.closest('tr')?.dataset.backend")).toBe('b');
    expect(fleet.changes).toEqual(['b draining']);
    expectQuiet(fleet.url);
  });

  it('gives the token once, which the tab keeps and the address never holds', async () => {
    const fleet = await startFakeFleet({ ids: ['a'], token: 'correct-horse' });
    const { page } = await openPage(fleet.url);
    await page.getByLabel('Admin token').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'not the right one' }).waitFor();
    expect(await page.locator('[data-pool]').count()).toBe(0);
    await page.getByLabel('Admin token').fill('correct-horse');
    await page.keyboard.press('Enter');
    await page.locator('tr[data-backend="a"] a').click();
    await page.locator('.evidence').waitFor();
    await page.getByRole('button', { name: 'Drain' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
    await page.locator('tr[data-backend="a"][data-status="draining"]').waitFor();
    await page.reload();
    await page.locator('tr[data-backend="a"]').waitFor();
    expect(page.url()).not.toContain('horse');
    expect(await page.evaluate('JSON.stringify(localStorage) + document.cookie')).not.toContain('horse');
    await page.getByRole('button', { name: 'Forget token' }).click();
    await page.getByLabel('Admin token').waitFor();
    expect(await page.locator('[data-pool]').count()).toBe(0);
  });

  it('is told that the page is old when the proxy is gone, and finds it again by itself', async () => {
    const fleet = await startFakeFleet({ ids: ['a', 'b'] });
    const { page } = await openPage(`${fleet.url}/#app/a`);
    await page.locator('.evidence').waitFor();
    await fleet.stop();
    await page.locator('[data-banner="stale"]').filter({ hasText: 'This is old.' }).waitFor();
    await page.getByRole('alert').filter({ hasText: 'The proxy cannot be reached.' }).waitFor();
    expect(await page.locator('tr[data-backend="b"]').count()).toBe(1);
    fleet.set('b', { status: 'down', reason: 'while nobody saw it' });
    fleet.version = '2.0.0';
    await fleet.restart();
    await page.locator('tr[data-backend="b"][data-status="down"]').waitFor();
    await page.locator('[data-banner="stale"]').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Reload this page' }).click();
    await page.locator('tr[data-backend="b"]').waitFor();
    expect(await page.locator('.banner').count()).toBe(0);
  });

  it('reads why a change was refused', async () => {
    const fleet = await startFakeFleet({ ids: ['a'] });
    const { page } = await openPage(`${fleet.url}/#app/a`);
    await page.getByRole('button', { name: 'Drain' }).click();
    await fleet.stop();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await dialog.getByRole('alert').filter({ hasText: 'The proxy cannot be reached.' }).waitFor();
  });
});
