/**
 * Rows of latency: an open loop, at half of what the contender itself can do or at a rate that is the same for all, and then
 * the same straight to a backend. What the proxy adds is the difference: the client's and the backend's share falls out. No
 * rate is above what client and backends, which share a CPU, can carry by themselves: then the client would be measured.
 */

import { measured } from './contender.mjs';
import { autocannon, openLoop, wrk } from './load.mjs';

/** Tried from the highest on. */
const RATES = [24_000, 20_000, 16_000, 12_000, 8_000, 4_000, 2_000];
const TRIAL_SECONDS = 1;
const LATE_MS = 20;
const TRIES = 3;
/** Straight to a backend, at a rate that it carries easily. */
const EASY_P99_MS = 5;

/** @param {import('./rows.mjs').LatencyRow} row @param {import('./plan.mjs').Options} options @param {readonly number[]} backends @returns {import('./run.mjs').Method} */
export function latency(row, { seconds, warmUpSeconds, folder }, backends) {
  const closedLoop = wrk().missing === null ? wrk() : autocannon;
  /** @type {Map<import('./contender.mjs').Contender, number>} */
  const rates = new Map();
  /** @type {Promise<number> | null} */
  let most = null;
  return {
    warmUp: async (contender) => {
      most ??= mostOf(backends[0] ?? 0);
      const { port, tls } = contender;
      const load = (/** @type {number} */ seconds) =>
        closedLoop.run({ port, tls, seconds, connections: row.connections, folder });
      await load(warmUpSeconds);
      rates.set(contender, Math.min(await most, row.perSecond ?? (await load(seconds)).perSecond / 2));
    },
    measure: async (contender) => {
      const rate = rates.get(contender) ?? 0;
      const through = await measured(contender, () => onTime(contender.port, rate, seconds));
      const direct = await onTime(backends[0] ?? 0, rate, seconds);
      const { perSecond, p50Ms = 0, p99Ms = 0, p999Ms = 0, errors, lateMs = 0 } = through;
      const { p50Ms: directP50Ms = 0, p99Ms: directP99Ms = 0 } = direct;
      return {
        perSecond,
        p50Ms,
        p99Ms,
        p999Ms,
        addedP50Ms: p50Ms - directP50Ms,
        addedP99Ms: p99Ms - directP99Ms,
        lateMs,
        errors,
      };
    },
  };
}

/**
 * A run in which the client kept its schedule: if it stood still itself, it says nothing of whom it asked, and is made again. The
 * last try counts, with how late it was. @param {number} port @param {number} rate @param {number} seconds
 */
async function onTime(port, rate, seconds) {
  for (let tries = 1; ; tries++) {
    const result = await openLoop(port, rate, seconds);
    if ((result.lateMs ?? 0) <= LATE_MS || tries === TRIES) return result;
  }
}

/** The highest rate that client and backend carry by themselves; the lowest of all on a machine that is busy. @param {number} port */
async function mostOf(port) {
  for (const rate of RATES) {
    const { p99Ms = 0 } = await openLoop(port, rate, TRIAL_SECONDS);
    if (p99Ms <= EASY_P99_MS) return rate;
  }
  return RATES.at(-1) ?? 0;
}
