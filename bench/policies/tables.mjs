/** The arena's results as Markdown, between the markers of docs/balancing.md. Tables are never typed by hand. */

import { readFileSync, writeFileSync } from 'node:fs';
import { table } from '../lib/figures.mjs';
import { inserted } from '../lib/places.mjs';

/** @param {any} result a parsed results/policies.json @param {string} file */
export function renderTables(result, file) {
  const text = readFileSync(file, 'utf8');
  const rendered = [
    where(result),
    worst(result),
    ...[1, 4, 16].map((proxies) => cases(result, proxies)),
    holes(result),
  ];
  writeFileSync(file, inserted(text, 'arena', `${rendered.join('\n\n')}\n`));
  process.stdout.write(`${file} written\n`);
}

/** p99 of a policy in a case, as a multiple of the oracle's. */
export function ratioOf(row, policy) {
  return row.policies[policy].p99Ms / row.oracle.p99Ms;
}

export function policiesOf({ cases }) {
  return Object.keys(cases[0].policies);
}

export function nameOf({ kind, backends }) {
  return `${kind}, ${backends}`;
}

function where({ machine, cases }) {
  return `${cases.length} cases, ${cases.filter(({ seeds }) => seeds > 1).length} of them from two seeds; commit ${machine.commit}, ${machine.date.slice(0, 10)}. Virtual time: the machine does not matter.`;
}

function worst(result) {
  const rows = policiesOf(result).map((policy) => {
    const of = (proxies) => {
      const ratios = result.cases.filter((row) => row.proxies === proxies).map((row) => ratioOf(row, policy));
      return [mean(ratios).toFixed(2), Math.max(...ratios).toFixed(2)];
    };
    const against = result.cases.map((row) => row.policies[policy].p99Ms / best(row));
    return [policy, ...of(1), ...of(4), ...of(16), Math.max(...against).toFixed(2)];
  });
  const head = [
    'p99 / oracle',
    '1 proxy, mean',
    'worst',
    '4, mean',
    'worst',
    '16, mean',
    'worst',
    'worst / best policy',
  ];
  return `### All cases\n\n${table(head, rows)}`;
}

function cases(result, proxies) {
  const policies = policiesOf(result);
  const rows = result.cases
    .filter((row) => row.proxies === proxies)
    .map((row) => [
      nameOf(row),
      row.oracle.p99Ms.toFixed(0),
      ...policies.map((policy) => {
        const { errorShare } = row.policies[policy];
        const errors = errorShare < 0.0005 ? '' : ` (${(100 * errorShare).toFixed(1)} %)`;
        return `${ratioOf(row, policy).toFixed(2)}${errors}`;
      }),
    ]);
  const title = proxies === 1 ? 'One proxy' : `${proxies} proxies`;
  return `### ${title}\n\n${table(['case, backends', 'oracle p99 ms', ...policies], rows)}`;
}

function holes(result) {
  const policies = policiesOf(result);
  const rows = result.cases
    .filter(({ kind }) => kind === 'black hole')
    .map((row) => [
      `${row.backends} backends, ${row.proxies} proxies`,
      ...policies.map((policy) => row.policies[policy].attraction.toFixed(2)),
    ]);
  return `### A black hole's share, in multiples of the fair one\n\n${table(['fleet', ...policies], rows)}`;
}

/** The least p99 of any policy in a case. */
function best(row) {
  return Math.min(...Object.values(row.policies).map(({ p99Ms }) => p99Ms));
}

/** Geometric. */
function mean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
