/** Goals are judged by what was measured, and by nobody's opinion. */

import { expect, it } from 'vitest';
import { benchModule } from './modules.ts';

const { goalsTable } = await benchModule('goals.mjs');

const figure = (median: number) => ({ median, min: median, max: median });
const target = (name: string, key: string, median: number) => ({
  name,
  version: '',
  figures: { [key]: figure(median) },
});
const rowOf = (name: string, key: string, figures: Readonly<Record<string, number>>) => ({
  name,
  kind: 'throughput',
  title: name,
  left: [],
  targets: Object.entries(figures).map(([who, median]) => target(who, key, median)),
});
const linesOf = (proxy: readonly object[], micro: { name: string; ns: { median: number } }[] = []) =>
  goalsTable({ proxy, micro, scale: null })
    .split('\n')
    .slice(2)
    .map((line) => line.replace(/\s+/g, ' '));

it('is met, or missed, by the figure as it is shown', () => {
  const lines = linesOf([rowOf('1k', 'cpuUs', { pulsegate: 30.04, nginx: 20, haproxy: 19 })]);
  expect(lines).toEqual([
    '| CPU per request | ≤ 1.50x of nginx | 1.50x of nginx | met |',
    '| CPU per request | ≤ 1.50x of haproxy | 1.58x of haproxy | **missed** |',
  ]);
});

it('is a floor for throughput', () => {
  expect(linesOf([rowOf('64k', 'perSecond', { pulsegate: 600, nginx: 1_000 })])).toEqual([
    '| throughput of 64 KiB answers | ≥ 0.70x of nginx | 0.60x of nginx | **missed** |',
  ]);
});

it('is left out where nothing was measured', () => {
  expect(linesOf([rowOf('1k', 'cpuUs', { pulsegate: 30 })])).toEqual([]);
  expect(linesOf([], [{ name: 'pick: least_request, 1000 backends', ns: { median: 44 } }])).toEqual([
    '| pick: least_request, 1000 backends | ≤ 150 ns | 44 ns | met |',
  ]);
});
