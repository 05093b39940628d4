/**
 * What the documents say of results, as text made from bench/results: each document's part between two
 * marks (`places.mjs`), and the pictures. `node bench/render.mjs` writes it, and a test compares: no
 * figure is typed by hand.
 */

import { existsSync, readFileSync } from 'node:fs';
import { brief as faultsBrief, section as faultsSection } from '../faults/document.mjs';
import { picture as faultsPicture } from '../faults/svg.mjs';
import { goalsTable } from '../goals.mjs';
import { picture as costPicture } from '../proxy/svg.mjs';
import { leftOut, overview, ratios, rowTable } from '../proxy/tables.mjs';
import { screenOf } from '../soak/screen.mjs';
import { root, whereText } from './machine.mjs';
import { inserted } from './places.mjs';
import { microTable } from './tables.mjs';

/** @typedef {import('../proxy/tables.mjs').RowResult} RowResult */

const OVERVIEW = "The others are given as multiples of Pulsegate's figure: below 1 they need less, above 1 more.";

/** Every document that results stand in, as it should be. @returns {{ file: string, text: string }[]} paths from the root */
export function documents() {
  const rows = /** @type {RowResult[]} */ (result('proxy')?.rows ?? []);
  const faults = result('faults');
  const http2 = rows.filter(({ name }) => name === 'http2');
  const documents = [
    { file: 'README.md', text: readme(rows, faults) },
    marked('docs/benchmarks.md', [atAGlance(rows), goals(rows), ...rows.map(measured), micro()]),
    marked('docs/http2.md', http2.map(measured)),
    marked('docs/scale.md', [soaked()]),
    { file: 'docs/plots/cost.svg', text: costPicture(rows) },
  ];
  if (faults !== null) {
    documents.push(marked('docs/faults.md', [faultsSection(faults)]));
    documents.push({ file: 'docs/faults.svg', text: faultsPicture(faults) });
  }
  return documents;
}

/** @param {RowResult[]} rows @param {any} faults */
function readme(rows, faults) {
  const text = inserted(readFileSync(`${root}README.md`, 'utf8'), 'bench', summary(rows));
  return faults === null ? text : inserted(text, 'faults', faultsBrief(faults));
}

/** A file's text with the sections in its place for results. @param {string} file @param {string[]} sections */
function marked(file, sections) {
  const rendered = sections.filter((section) => section !== '').join('\n');
  return { file, text: inserted(readFileSync(root + file, 'utf8'), 'bench', rendered) };
}

/** A parsed file of results; null while there is none. @param {string} name */
function result(name) {
  const file = `${root}bench/results/${name}.json`;
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

/** For those who have a minute. @param {RowResult[]} rows */
function summary(rows) {
  const [first] = rows;
  if (first === undefined) return '';
  const basis = rows.find(({ name }) => name === '1k');
  return `${OVERVIEW}

${overview(rows)}

${basis === undefined ? '' : `${ratios(basis)} `}${whereText(first.machine)}
`;
}

/** @param {RowResult[]} rows */
function atAGlance(rows) {
  return rows.length === 0 ? '' : `### At a glance\n\n${OVERVIEW}\n\n${overview(rows)}\n`;
}

/** @param {RowResult} row */
function measured(row) {
  const { runs, seconds } = row.options;
  const how = row.kind === 'memory' ? `Medians of ${runs} processes` : `Medians of ${runs} runs of ${seconds} s`;
  const connections = row.connections === undefined ? '' : `, ${row.connections} connections`;
  const left = leftOut(row);
  return `### ${row.title}

${how} (extremes in brackets)${connections}. ${whereText(row.machine)}

${rowTable(row)}
${left === '' ? '' : `\n${left}\n`}${row.name === '1k' ? `\n${ratios(row)}\n` : ''}`;
}

function micro() {
  const micro = result('micro');
  return micro === null ? '' : `### Inner loops\n\n${whereText(micro.machine)}\n\n${microTable(micro)}\n`;
}

/** @param {RowResult[]} rows */
function goals(rows) {
  const results = { proxy: rows, micro: result('micro')?.results ?? [], scale: result('scale') };
  return `### Goals\n\n${goalsTable(results)}\n`;
}

/** The last soak, as it was on the screen. */
function soaked() {
  const soak = result('soak');
  if (soak === null) return 'Not measured yet.';
  return `\`${soak.repeat}\`: ${whereText(soak.machine)}\n\n\`\`\`\n${screenOf(soak)}\n\`\`\``;
}
