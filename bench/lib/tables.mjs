/** Results of the inner loops as text, from the JSON that a run wrote. */

import { table, withSpread } from './figures.mjs';

/** @param {{ results: Array<{ name: string, ns: import('./figures.mjs').Figure }> }} result a parsed results/micro.json */
export function microTable({ results }) {
  return table(
    ['operation', 'ns'],
    results.map(({ name, ns }) => [name, withSpread(ns, 0)]),
  );
}
