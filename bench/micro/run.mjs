/**
 * `npm run bench:micro`: the inner loops by themselves, in nanoseconds per operation. Each suite exports
 * `run(): Promise<Array<{ name: string, ns: number }>>`; all are run in turn, several times, and the median counts.
 *
 *   --runs N     5      --only a,b   these suites      --out FILE   bench/results/micro.json
 */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { summarise } from '../lib/figures.mjs';
import { describeMachine, root } from '../lib/machine.mjs';
import { readArguments } from '../lib/options.mjs';
import { microTable } from '../lib/tables.mjs';

const SUITES = ['parse', 'pick', 'step'];

const options = readArguments({
  only: { type: 'string', default: SUITES.join(',') },
  runs: { type: 'string', default: '5' },
  out: { type: 'string', default: `${root}bench/results/micro.json` },
});

const suites = [];
for (const name of options.only.split(',')) {
  const file = new URL(`${name}.mjs`, import.meta.url);
  const suite = existsSync(fileURLToPath(file)) ? await import(file.href) : {};
  if (suite.run === undefined) say(`there is no suite ${name}`);
  else suites.push({ name, run: suite.run });
}

/** @type {Map<string, number[]>} */
const samples = new Map();
for (let round = 0; round < Number(options.runs); round++) {
  for (const suite of suites) {
    for (const { name, ns } of await suite.run()) {
      const key = `${suite.name}: ${name}`;
      samples.set(key, [...(samples.get(key) ?? []), ns]);
    }
  }
}

const results = [...samples].map(([name, ns]) => ({ name, ns: summarise(ns) }));
const result = { machine: describeMachine(process.execPath), results };
say(microTable(result));
mkdirSync(dirname(options.out), { recursive: true });
writeFileSync(options.out, `${JSON.stringify(result, null, 2)}\n`);

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}
