/** The dashboard with many backends, on a phone, in the light and in the dark. */

import { describe, expect, it } from 'vitest';
import { hasBrowser, openPage, skipReason, useBrowser } from './browser.ts';
import { startFakeFleet } from './fake-fleet.ts';

const MANY = Array.from({ length: 300 }, (_, i) => `10.0.${Math.floor(i / 100)}.${i % 100}`);

useBrowser();

describe.skipIf(!hasBrowser)(`the dashboard's looks${skipReason}`, () => {
  it('keeps 300 backends in order, draws only those near the window, and finds any of them', async () => {
    const fleet = await startFakeFleet({ ids: MANY });
    fleet.set('10.0.2.57', { status: 'down', reason: 'connect ECONNREFUSED' });
    const { page, expectQuiet } = await openPage(fleet.url);
    await page.locator('tr[data-backend="10.0.0.0"]').waitFor();
    expect(await page.locator('tr[data-backend]').count()).toBeLessThan(80);
    expect(await page.locator('.cell').count()).toBe(300);
    const focused = () => page.evaluate("document.activeElement.closest('tr')?.dataset.backend");
    await page.locator('tr[data-backend="10.0.0.0"] a').focus();
    await page.keyboard.press('End');
    await expect.poll(focused).toBe('10.0.2.99');
    await page.keyboard.press('ArrowUp');
    await expect.poll(focused).toBe('10.0.2.98');
    await page.keyboard.press('Home');
    await expect.poll(focused).toBe('10.0.0.0');
    await page.mouse.wheel(0, 200_000);
    await page.locator('tr[data-backend="10.0.2.99"]').waitFor();
    await page.getByRole('button', { name: 'down 1' }).click();
    await page.locator('tr[data-backend="10.0.2.57"]').waitFor();
    expect(await page.locator('tr[data-backend]').count()).toBe(1);
    await page.getByRole('button', { name: 'all 300' }).click();
    await page.getByRole('searchbox').fill('0.1.7');
    await page.locator('tr[data-backend="10.0.1.79"]').waitFor();
    expect(await page.locator('tr[data-backend]').count()).toBe(11);
    expectQuiet(fleet.url);
  });

  it.each([
    [1440, 900],
    [360, 780],
  ])('never scrolls sideways at %i x %i, with the evidence open or not', async (width, height) => {
    const fleet = await startFakeFleet({ ids: ['x'.repeat(200), ...MANY] });
    fleet.set('x'.repeat(200), { reason: 'y'.repeat(300), url: `http://${'z'.repeat(60)}:3000` });
    const { page } = await openPage(fleet.url, { viewport: { width, height } });
    await page.locator('tr[data-backend="10.0.0.0"]').waitFor();
    const sideways = 'document.documentElement.scrollWidth - innerWidth';
    expect(await page.evaluate(sideways)).toBe(0);
    await page.locator('tr[data-index="0"] a').click();
    await page.locator('.evidence').waitFor();
    expect(await page.evaluate(sideways)).toBe(0);
    const box = await page.locator('.detail').boundingBox();
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(width);
  });

  it('follows the system between light and dark, and the switch against it, over a reload', async () => {
    const fleet = await startFakeFleet({ ids: ['a'] });
    const { page, expectQuiet } = await openPage(fleet.url, { colorScheme: 'dark' });
    await page.locator('tr[data-backend="a"]').waitFor();
    const back = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const dark = await back();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await back();
    expect(light).not.toBe(dark);
    await page.getByText('dark', { exact: true }).click();
    expect(await back()).toBe(dark);
    await page.reload();
    await page.locator('tr[data-backend="a"]').waitFor();
    expect(await back()).toBe(dark);
    expectQuiet(fleet.url);
  });
});
