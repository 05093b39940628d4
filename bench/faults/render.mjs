/**
 * `node bench/faults/render.mjs`: writes results/faults.json into docs/faults.md, between the lines `<!-- faults:begin -->` and
 * `<!-- faults:end -->`, and draws docs/faults.svg. Figures are never typed by hand.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { root } from '../lib/machine.mjs';
import { picture } from './svg.mjs';
import { details, scoreboard } from './tables.mjs';

const MARKED = /(<!-- faults:begin -->\n).*?(<!-- faults:end -->)/s;

const result = JSON.parse(readFileSync(`${root}bench/results/faults.json`, 'utf8'));
const { machine, options } = result;
const page = `${root}docs/faults.md`;
const text = readFileSync(page, 'utf8');
if (!MARKED.test(text)) throw new Error(`${page} has no place for results`);
writeFileSync(
  page,
  text.replace(MARKED, (_all, begin, end) => `${begin}${section()}${end}`),
);
writeFileSync(`${root}docs/faults.svg`, picture(result));
process.stdout.write('docs/faults.md and docs/faults.svg written\n');

function section() {
  const place = `Node ${machine.node.slice(1)}, ${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}`;
  return `
${options.runs === 1 ? 'One run' : `Medians of ${options.runs} runs`} of ${options.seconds} s at ${options.rate} requests per second. ${place}; commit ${machine.commit}, ${machine.date.slice(0, 10)}.${result.notes === undefined ? '' : ` ${result.notes}`}

**Failed GETs / failed POSTs, p99 and longest of the others in ms.** Bold: fewest failed, where they differ.

${scoreboard(result)}

**POSTs executed twice (worst run), requests of the worst second answered within 250 ms, seconds from the fault to the last failure.**

${details(result)}

`;
}
