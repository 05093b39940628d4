/** The scoreboard's part of docs/faults.md. */

import { whereText } from '../lib/machine.mjs';
import { details, leftOut, losses, scoreboard } from './tables.mjs';

/** @param {{ rows: import('./tables.mjs').RowResult[] }} result a parsed results/faults.json */
export function section({ rows }) {
  if (rows.length === 0) return '';
  const left = leftOut(rows);
  return `${measuredWhen(rows)}

**Failed GETs / failed POSTs, p99 and longest of the others in ms.** Bold: fewest failed, where they differ.

${scoreboard(rows)}
${left === '' ? '' : `\n${left}\n`}
**POSTs executed twice (worst run), requests of the worst second answered within 250 ms, seconds from the fault to the last
failure, executions for each request.**

${details(rows)}
`;
}

/** The scoreboard's part of the README. @param {{ rows: import('./tables.mjs').RowResult[] }} result */
export function brief({ rows }) {
  const [first] = rows;
  if (first === undefined) return '';
  const { options, machine } = first;
  return `Requests that failed, of ${options.seconds * options.rate} in ${options.seconds} s, one in ten a POST; in the rows that are not here nobody lost any. ${whereText(machine)}

${losses(rows)}
`;
}

/** Rows may be of different runs: each circumstance is said once, with the rows it holds for where there are several. @param {import('./tables.mjs').RowResult[]} rows */
function measuredWhen(rows) {
  /** @type {Map<string, string[]>} */
  const circumstances = new Map();
  for (const { name, machine, options, notes = '' } of rows) {
    const { runs, seconds, rate } = options;
    const how = runs === 1 ? 'One run' : `Medians of ${runs} runs`;
    const text = `${how} of ${seconds} s at ${rate} requests per second. ${whereText(machine)} ${notes}`.trim();
    circumstances.set(text, [...(circumstances.get(text) ?? []), name]);
  }
  if (circumstances.size === 1) return [...circumstances.keys()][0] ?? '';
  return [...circumstances]
    .map(([text, names]) => `- ${names.map((name) => `\`${name}\``).join(', ')}: ${text}`)
    .join('\n');
}
