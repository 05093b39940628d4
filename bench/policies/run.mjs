/**
 * `npm run bench:policies`: every policy on every case of the arena (src/sim/arena.ts), in virtual time. Writes
 * bench/results/policies.json, and from it plots and the tables of docs/balancing.md.
 *
 *   --only REGEX    cases whose name matches    --seeds N   2 (one for fleets of 100)
 *   --policies a,b  instead of all              --render    only writes plots and tables from the last results
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describeMachine, root } from '../lib/machine.mjs';
import { readArguments } from '../lib/options.mjs';
import { renderPlots } from './plots.mjs';
import { renderTables } from './tables.mjs';

const POLICIES = ['round_robin', 'weighted_round_robin', 'random', 'least_request', 'peak_ewma', 'prequal'];
const ORACLES = ['oracle_soonest', 'oracle_level'];
const RESULTS = `${root}bench/results/policies.json`;

const options = readArguments({
  only: { type: 'string', default: '' },
  seeds: { type: 'string', default: '2' },
  policies: { type: 'string', default: POLICIES.join(',') },
  render: { type: 'boolean', default: false },
});

if (!options.render) {
  const result = await measure();
  mkdirSync(`${root}bench/results`, { recursive: true });
  if (options.only === '') writeFileSync(RESULTS, `${JSON.stringify(result, null, 1)}\n`);
  else process.exit(0);
}
const result = JSON.parse(readFileSync(RESULTS, 'utf8'));
renderPlots(result, root);
renderTables(result, `${root}docs/balancing.md`);

async function measure() {
  const { ARENA_CASES } = await import('../../dist/sim/arena-case.js');
  const { playCase } = await import('../../dist/sim/arena.js');
  const pattern = new RegExp(options.only);
  const policies = options.policies.split(',');
  const cases = [];
  const begin = Date.now();
  for (const arenaCase of ARENA_CASES) {
    const { kind, backends, proxies } = arenaCase;
    const name = `${kind}, ${backends} backends, ${proxies} ${proxies === 1 ? 'proxy' : 'proxies'}`;
    if (!pattern.test(name)) continue;
    const seeds = backends >= 100 ? 1 : Number(options.seeds);
    const time = backends >= 100 ? { warmUpMs: 3_000, measuredMs: 5_000 } : { warmUpMs: 4_000, measuredMs: 16_000 };
    const figures = (contender) => {
      const runs = Array.from({ length: seeds }, (_, seed) => playCase(arenaCase, contender, `seed ${seed}`, time));
      return summarise(runs);
    };
    const oracle = ORACLES.map(figures).reduce((best, other) => (other.p99Ms < best.p99Ms ? other : best));
    const row = { kind, backends, proxies, seeds, oracle, policies: {} };
    for (const policy of policies) row.policies[policy] = figures(policy);
    cases.push(row);
    const cells = policies.map((policy) => `${policy} ${describe(row.policies[policy], oracle)}`);
    process.stdout.write(`${name}: oracle ${oracle.p99Ms.toFixed(0)} ms; ${cells.join('; ')}\n`);
  }
  process.stdout.write(`${cases.length} cases in ${Math.round((Date.now() - begin) / 1_000)} s\n`);
  return { machine: describeMachine(process.execPath), cases };
}

/** All runs' latencies together. */
function summarise(runs) {
  const sum = (of) => runs.reduce((total, run) => total + of(run), 0);
  const latencies = new Float64Array(sum(({ latenciesMs }) => latenciesMs.length));
  let offset = 0;
  for (const { latenciesMs } of runs) {
    latencies.set(latenciesMs, offset);
    offset += latenciesMs.length;
  }
  latencies.sort();
  const at = (share) => round(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0);
  return {
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    errorShare: round(sum(({ errors }) => errors) / sum(({ requests }) => requests)),
    wastedShare: round(sum(({ wasted }) => wasted) / sum(({ requests }) => requests)),
    attraction: round(sum(({ attraction }) => attraction) / runs.length),
    imbalance: round(sum(({ imbalance }) => imbalance) / runs.length),
  };
}

function describe({ p99Ms, errorShare }, oracle) {
  const errors = errorShare === 0 ? '' : ` (${(100 * errorShare).toFixed(1)} % errors)`;
  return `${(p99Ms / oracle.p99Ms).toFixed(2)}${errors}`;
}

function round(value) {
  return Math.round(value * 10_000) / 10_000;
}
