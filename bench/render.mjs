/**
 * `node bench/render.mjs`: writes the results into the documentation, between the lines `<!-- bench:begin -->` and
 * `<!-- bench:end -->`: the comparison into README.md, everything into docs/benchmarks.md. A file without them is left
 * as it is. Tables are never typed by hand.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { root } from './lib/machine.mjs';
import { comparison, idleTable, microTable, ratios } from './lib/tables.mjs';

const MARKED = /(<!-- bench:begin -->\n).*?(<!-- bench:end -->)/s;

const idle = section('idle', (result) => `### Waiting\n\n${where(result)}\n\n${idleTable(result)}\n`);
const micro = section('micro', (result) => `### Inner loops\n\n${where(result)}\n\n${microTable(result)}\n`);

write('README.md', [section('proxy', (result) => proxies(result, []))]);
write('docs/benchmarks.md', [section('proxy', (result) => proxies(result, result.tools)), idle, micro]);

/** @param {any} result @param {string[]} tools */
function proxies(result, tools) {
  const { runs, seconds, body, connections } = result.options;
  return `Medians of ${runs} runs of ${seconds} s (extremes in brackets), ${body}-byte answers, ${connections} connections.
${where(result)}

${comparison(result, tools)}

${ratios(result)}
`;
}

/** The text of a result; null while it has not been measured. @param {string} name @param {(result: any) => string} render */
function section(name, render) {
  const file = `${root}bench/results/${name}.json`;
  return existsSync(file) ? render(JSON.parse(readFileSync(file, 'utf8'))) : null;
}

/** @param {{ machine: ReturnType<typeof import('./lib/machine.mjs').describeMachine> }} result */
function where({ machine }) {
  const { node, cpu, cpus, kernel, commit, date, pinned } = machine;
  const place = pinned ? 'proxy on one CPU, load and backends on another' : 'processes not pinned';
  return `Node ${node.slice(1)}, ${cpu}, ${cpus} CPUs, Linux ${kernel}, ${place}; commit ${commit}, ${date.slice(0, 10)}.`;
}

/** @param {string} name @param {(string | null)[]} sections */
function write(name, sections) {
  const file = root + name;
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (!MARKED.test(text)) {
    process.stdout.write(`${name} has no place for results\n`);
    return;
  }
  const rendered = sections.filter((text) => text !== null).join('\n');
  writeFileSync(
    file,
    text.replace(MARKED, (_all, begin, end) => `${begin}\n${rendered}\n${end}`),
  );
  process.stdout.write(`${name} written\n`);
}
