/** What a run of the comparison will do, and how long that takes: said at the start, and kept. */

import { root } from '../lib/machine.mjs';
import { chosen, positive, readArguments } from '../lib/options.mjs';
import { FLEET_SETTLE_SECONDS, IDLE_SECONDS, SETTLE_SECONDS } from './memory.mjs';
import { ROWS } from './rows.mjs';
import { allTargets } from './targets.mjs';

/** Starting a target and proving it. */
const START_SECONDS = 0.8;
/** Starting a load generator, and what it does after its time is over. */
const LOAD_SECONDS = 0.4;
/** What an open loop needs before it counts. */
const OPEN_LOOP_SECONDS = 0.5;
/** Finding out what the client can carry. */
const TRIALS_SECONDS = 6;
/** Starting a process with ten thousand backends, and stopping it. */
const FLEET_START_SECONDS = 4;

/**
 * @typedef {object} Options
 * @property {import('./rows.mjs').Row[]} rows
 * @property {import('./targets.mjs').Target[]} targets
 * @property {readonly string[]} nodes  binaries
 * @property {number} runs  of each contender in each row
 * @property {number} seconds  a run
 * @property {number} warmUpSeconds
 * @property {string} out
 * @property {string} folder  for scratch files
 */

/** @param {string} folder @returns {Options} */
export function readOptions(folder) {
  const values = readArguments({
    only: { type: 'string' },
    targets: { type: 'string' },
    runs: { type: 'string' },
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    node: { type: 'string', multiple: true, default: [process.execPath] },
    out: { type: 'string', default: `${root}bench/results/proxy.json` },
  });
  const { quick, node: nodes, out } = values;
  return {
    rows: chosen(ROWS, values.only, 'row'),
    targets: chosen(allTargets(nodes), values.targets, 'target'),
    nodes,
    runs: positive('runs', values.runs ?? (quick ? '1' : '5')),
    seconds: positive('seconds', values.seconds ?? (quick ? '1' : '2')),
    warmUpSeconds: quick ? 1 : 2,
    out,
    folder,
  };
}

/** Those that are part of a row. @param {Pick<Options, 'targets'>} options @param {import('./rows.mjs').Row} row */
export function targetsOf({ targets }, row) {
  const present = targets.filter(
    ({ missing, speaks, rows }) =>
      missing === null && speaks.includes(row.protocol) && (rows === undefined || rows.includes(row.name)),
  );
  if (row.kind !== 'memory') return present;
  // The backends' row is about Pulsegate alone, with and without probes.
  return row.of === 'backends' ? present.filter(({ name }) => name === 'pulsegate') : present;
}

/** @param {Options} options @param {import('./rows.mjs').Row} row */
export function secondsOf(options, row) {
  const { runs, seconds, warmUpSeconds } = options;
  const load = seconds + LOAD_SECONDS;
  const warmUp = warmUpSeconds + LOAD_SECONDS;
  const contenders = targetsOf(options, row).length;
  if (row.kind === 'throughput') return contenders * (START_SECONDS + warmUp + runs * load);
  if (row.kind === 'latency')
    return contenders * (START_SECONDS + warmUp + load + 2 * runs * (load + OPEN_LOOP_SECONDS)) + TRIALS_SECONDS;
  if (row.of === 'connections')
    return contenders * memoryRuns(runs) * (START_SECONDS + 2 * SETTLE_SECONDS + IDLE_SECONDS + 3);
  return contenders * memoryRuns(runs) * 4 * (FLEET_START_SECONDS + FLEET_SETTLE_SECONDS + IDLE_SECONDS);
}

/** Memory differs less from run to run, and takes longer. @param {number} runs */
export function memoryRuns(runs) {
  return Math.min(runs, 3);
}
