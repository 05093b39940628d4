/** Pages of metrics as tests look at them. */

import { setTimeout } from 'node:timers/promises';

/** Turns a hang into a readable failure; no expectation depends on it. */
const PATIENCE_MS = 15_000;
const PAUSE_MS = 10;

export interface Scraped {
  readonly text: string;
  /** By name and labels, as written. */
  readonly series: ReadonlyMap<string, number>;
  /** Of one series; undefined when there is none. */
  of(series: string): number | undefined;
  /** Of all series of this name whose labels contain each of these. */
  sum(name: string, ...labels: readonly string[]): number;
}

export function readMetrics(text: string): Scraped {
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    series.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return {
    text,
    series,
    of: (name) => series.get(name),
    sum: (name, ...labels) =>
      [...series]
        .filter(([key]) => key.startsWith(`${name}{`) && labels.every((label) => key.includes(label)))
        .reduce((total, [, value]) => total + value, 0),
  };
}

export async function scrape(adminUrl: string, token?: string): Promise<Scraped> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`${adminUrl}/metrics`, { headers });
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return readMetrics(await answer.text());
}

/** Scrapes until the page is as asked: what a request changes may be counted just after its answer was read. */
export async function scrapeUntil(adminUrl: string, found: (page: Scraped) => boolean): Promise<Scraped> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const page = await scrape(adminUrl);
    if (found(page)) return page;
    if (performance.now() > untilMs) throw new Error(`never as expected:\n${page.text}`);
    await setTimeout(PAUSE_MS);
  }
}
