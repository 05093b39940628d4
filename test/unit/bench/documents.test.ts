/** Every figure that the documents give is one of bench/results: rendered parts are rendered again, sentences are worked out. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { benchModule } from './modules.ts';

const ROOT = join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const { documents } = await benchModule('lib/documents.mjs');

describe('documents with results', () => {
  it('are the README, the benchmarks, HTTP/2 and the faults', () => {
    const files = documents().map(({ file }) => file);
    const pages = ['README.md', 'docs/benchmarks.md', 'docs/http2.md', 'docs/faults.md'];
    expect(files).toEqual(expect.arrayContaining([...pages, 'docs/plots/cost.svg', 'docs/faults.svg']));
  });

  it.each(documents().map(({ file }) => file))('%s says what bench/results says: node bench/render.mjs', (file) => {
    expect(read(file)).toBe(documents().find((one) => one.file === file)?.text);
  });

  it('show every row and every program that was measured, whoever wins', () => {
    const page = read('docs/benchmarks.md');
    const { rows } = JSON.parse(read('bench/results/proxy.json')) as Results;
    expect(rows.length).toBeGreaterThan(0);
    for (const { title, targets } of rows) {
      expect(page).toContain(`### ${title}\n`);
      const section = page.slice(page.indexOf(`### ${title}\n`)).split('\n### ')[0];
      for (const { name, version } of targets) expect(section).toContain(`| ${`${name} ${version}`.trim()} `);
    }
    const board = read('docs/faults.md');
    const faults = JSON.parse(read('bench/results/faults.json')) as Results;
    for (const { title } of faults.rows) expect(board.split(`\n| ${title} `).length).toBe(3);
  });
});

interface Results {
  readonly rows: readonly {
    readonly title: string;
    readonly targets: readonly { readonly name: string; readonly version: string }[];
  }[];
}

interface Case {
  readonly proxies: number;
  readonly oracle: { readonly p99Ms: number };
  readonly policies: Readonly<Record<string, { readonly p99Ms: number }>>;
}

describe("the README's sentences about the arena", () => {
  const { cases } = JSON.parse(read('bench/results/policies.json')) as { readonly cases: readonly Case[] };
  const text = read('README.md').replace(/\s+/g, ' ');
  const ratios = (policy: string, proxies: number) =>
    cases
      .filter((one) => one.proxies === proxies)
      .map(({ oracle, policies }) => (policies[policy]?.p99Ms ?? Number.NaN) / oracle.p99Ms);
  const worst = (policy: string, proxies: number) => Math.max(...ratios(policy, proxies));
  /** Geometric. */
  const mean = (policy: string, proxies: number) => {
    const all = ratios(policy, proxies);
    return Math.exp(all.reduce((sum, ratio) => sum + Math.log(ratio), 0) / all.length);
  };

  it('count the cases, and give the default policy its worst and its mean', () => {
    expect(text).toContain(`arena of ${cases.length} cases in virtual time`);
    const [one, sixteen] = [1, 16].map((proxies) => [
      worst('least_request', proxies).toFixed(2),
      mean('least_request', proxies).toFixed(2),
    ]);
    expect(text).toContain(`within ${one?.[0]} of an oracle`);
    expect(text).toContain(`(${one?.[1]} on average) with one proxy`);
    expect(text).toContain(`within ${sixteen?.[0]} (${sixteen?.[1]}) with sixteen`);
  });

  it('give round robin its worst', () => {
    const [one, sixteen] = [1, 16].map((proxies) => worst('round_robin', proxies).toFixed(0));
    expect(text).toContain(`ends at ${one} and ${sixteen} times the oracle`);
  });
});
