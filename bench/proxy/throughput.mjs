/** Rows of throughput: contenders under full load, one after the other, again and again. */

import { measured } from './contender.mjs';

/** @param {import('./rows.mjs').ThroughputRow} row @param {import('./plan.mjs').Options} options @returns {import('./run.mjs').Method} */
export function throughput(row, options) {
  /** @param {import('./contender.mjs').Contender} contender @param {number} seconds */
  const load = ({ port, tls }, seconds) =>
    row.generator.run({ port, tls, seconds, connections: row.connections, folder: options.folder });
  return {
    warmUp: async (contender) => void (await load(contender, options.warmUpSeconds)),
    measure: async (contender) => {
      const { cpuUs, perSecond, p50Ms, p99Ms, meanMs, errors } = await measured(contender, () =>
        load(contender, options.seconds),
      );
      return { cpuUs, perSecond, p50Ms, p99Ms, meanMs, errors };
    },
  };
}
