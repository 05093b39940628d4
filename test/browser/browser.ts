/**
 * A real browser for the tests of the dashboard: Debian's chromium, one for each test file. Every page is watched: what it logs as
 * an error, what it throws, and every address it asks for are kept, and `expectQuiet` says that all was well.
 */

import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, vi } from 'vitest';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

export const hasBrowser = executablePath !== undefined;

/** For the name of a suite that needs the browser. */
export const skipReason = hasBrowser ? '' : ' (skipped: chromium is not installed)';

export interface Watched {
  readonly page: Page;
  /** Nothing was logged as an error or thrown, and nothing was asked of anybody but `origin`. */
  expectQuiet(origin: string): void;
}

let browser: Browser | null = null;

/** Call once in a file. */
export function useBrowser(): void {
  vi.setConfig({ testTimeout: 60_000 });
  beforeAll(async () => {
    if (executablePath === undefined) return;
    browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    });
  }, 30_000);
  afterAll(() => browser?.close());
}

/** A page with a profile of its own, closed when the test ends. */
export async function openPage(url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await (browser as Browser).newContext({ viewport: { width: 1440, height: 900 }, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  const asked = new Set<string>();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`thrown: ${error.message}`));
  page.on('request', (request) => asked.add(new URL(request.url()).origin));
  await page.goto(url);
  return {
    page,
    expectQuiet(origin) {
      expect(complaints).toEqual([]);
      expect([...asked]).toEqual([origin]);
    },
  };
}
