/** How the comparison counts and shows: nothing that was measured may get lost, and nobody may be flattered. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { benchModule, type Row } from './modules.ts';

const { rowTable, overview, leftOut } = await benchModule('proxy/tables.mjs');
const { summarise, withSpread } = await benchModule('lib/figures.mjs');
const { readRows, writeRow } = await benchModule('lib/results.mjs');
const { createLatencies } = await benchModule('proxy/clients/latencies.mjs');
const { ROWS } = await benchModule('proxy/rows.mjs');
const { secondsOf, targetsOf } = await benchModule('proxy/plan.mjs');

const figure = (median: number) => ({ median, min: median - 1, max: median + 1 });
const row: Row = {
  name: '1k',
  kind: 'throughput',
  title: 'Answers of 1 KiB',
  left: [{ name: 'caddy', why: 'it did not start' }],
  targets: [
    { name: 'pulsegate', version: '1.0.0', figures: { cpuUs: figure(20), perSecond: figure(900), errors: 0 } },
    { name: 'nginx', version: '2.0.0', figures: { cpuUs: figure(10), perSecond: figure(1_800), errors: 3 } },
    { name: 'http-proxy', version: '3.0.0', figures: { cpuUs: figure(70), perSecond: figure(300), errors: 0 } },
    { name: 'httpxy', version: '4.0.0', figures: { cpuUs: figure(50), perSecond: figure(400), errors: 0 } },
  ],
};
const cells = (line: string | undefined) =>
  (line ?? '')
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('a row', () => {
  it('gives medians with their extremes, and multiples of nginx', () => {
    const [, , own, nginx] = rowTable(row).split('\n');
    expect(cells(own)).toEqual(['pulsegate 1.0.0', '20.0 (19.0 to 21.0)', '2.00x', '900 (899 to 901)']);
    expect(cells(nginx)[2]).toBe('1.00x');
  });

  it('says beside the name what failed, and who was left out and why', () => {
    expect(rowTable(row)).toContain('nginx 2.0.0 (3 failed)');
    expect(leftOut(row)).toBe('`caddy` is left out: it did not start.');
  });

  it('has columns only for what everybody has', () => {
    expect(rowTable(row)).not.toContain('p99');
  });
});

describe('the overview', () => {
  it("gives the others as multiples of Pulsegate's figure, and the best of those on Node by name", () => {
    const line = overview([row]).split('\n')[2];
    expect(cells(line)).toEqual(['Answers of 1 KiB', '20.0 µs of CPU', '0.50x', '', '', '2.50x (httpxy)']);
  });
});

describe('figures', () => {
  it('are medians, also of an even number', () => {
    expect(summarise([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9 });
    expect(summarise([4, 1, 2, 9])).toEqual({ median: 3, min: 1, max: 9 });
  });

  it('have no spread where nothing was repeated', () => {
    expect(withSpread(summarise([7]), 1)).toBe('7.0');
  });
});

describe('latencies', () => {
  it('are those that a share of the samples did not exceed, in steps of 10 µs', () => {
    const latencies = createLatencies();
    for (let ms = 1; ms <= 100; ms++) latencies.add(ms + 0.004);
    expect([latencies.at(0.5), latencies.at(0.99), latencies.at(1), latencies.total]).toEqual([50, 99, 100, 100]);
  });

  it('are zero without samples, and bounded', () => {
    const latencies = createLatencies();
    expect(latencies.at(0.99)).toBe(0);
    latencies.add(1e9);
    expect(latencies.at(0.99)).toBe(10_000);
  });
});

describe('results', () => {
  it('keep the rows that a run did not measure, in order', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pulsegate-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'results.json');
    const order = ['a', 'b', 'c'];
    writeRow(file, { name: 'c' }, order);
    writeRow(file, { name: 'a' }, order);
    const again = { name: 'c', isNew: true };
    writeRow(file, again, order);
    expect(readRows(file)).toEqual([{ name: 'a' }, again]);
    writeRow(file, { name: 'b' }, ['a', 'b']);
    expect(readRows(file).map(({ name }) => name)).toEqual(['a', 'b']);
  });
});

describe('the plan', () => {
  const target = { version: '', missing: null, speaks: ['http1', 'tls'] };
  const targets = [
    { ...target, name: 'pulsegate' },
    { ...target, name: 'absent', missing: 'npm ci' },
    { ...target, name: 'once', rows: ['1k'] },
  ];
  const options = { targets, runs: 2, seconds: 3, warmUpSeconds: 1 };
  const find = (name: string) => ROWS.find((row) => row.name === name) as { readonly name: string };

  it('has a target in the rows whose protocol it speaks, unless it is missing or in others only', () => {
    const names = (row: string) => targetsOf(options, find(row)).map(({ name }) => name);
    expect(names('1k')).toEqual(['pulsegate', 'once']);
    expect(names('tls')).toEqual(['pulsegate']);
    expect(names('http2')).toEqual([]);
  });

  it('counts no time for rows without targets, and at least that of the runs for others', () => {
    expect(secondsOf(options, find('http2'))).toBe(0);
    expect(secondsOf(options, find('1k'))).toBeGreaterThan(2 * (1 + 2 * 3));
    for (const row of ROWS) expect(secondsOf(options, row)).toBeGreaterThanOrEqual(0);
  });

  it('knows every row by a name of its own', () => {
    expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length);
  });
});
