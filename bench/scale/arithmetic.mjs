/**
 * From measured costs to what a core carries and what a larger fleet needs. Assumes the default settings, and that costs grow in
 * proportion to the fleet, which the table of sizes confirms or refutes.
 */

const PROBE_INTERVAL_S = 5;
const HEARTBEAT_INTERVAL_S = 2;
/** Of a core: the rest is for traffic. */
const SHARE = 0.5;
/** A probe leaves its connection open for the next, which closes it: at most one for each backend, half of the time. */
const PROBE_DESCRIPTORS = 0.5;
/** Kept connections for traffic, listeners, logs and what Node needs. */
const OTHER_DESCRIPTORS = 1_000;

/**
 * @typedef {{ perSecond: number, refused: number, usEach: number, lagP99Ms: number, lagMaxMs: number }} Heartbeats
 * @typedef {object} SizeResult
 * @property {number} backends
 * @property {{ readyMs: number, allUpMs: number, up: number, cpuMs: number }} start
 * @property {{ residentMib: number, heapMib: number }} memory
 * @property {{ perSecond: number, newConnectionShare: number, cpuPercent: number, usPerProbe: number, usPerBackendSecond: number, lagP99Ms: number, lagMaxMs: number }} probing
 * @property {{ http: Heartbeats, batch: Heartbeats, udp: Heartbeats }} heartbeats
 * @property {{ requests: number, failed: number, p50Ms: number, p99Ms: number, maxMs: number, usEach: number, lagP99Ms: number, lagMaxMs: number }} traffic
 * @property {{ victims: number, found: number, p50Ms: number | null, maxMs: number | null, requests: number, failed: number, lagP99Ms: number, lagMaxMs: number }} detection
 * @property {{ settleMs: number, snapshotMs: number, pickNs: number, outcomeNs: number, reviewMs: number, kibPerBackend: number }} parts
 *
 * @typedef {object} Result
 * @property {ReturnType<typeof import('../lib/machine.mjs').describeMachine>} machine
 * @property {{ seconds: number, rate: number }} options
 * @property {number} seconds
 * @property {SizeResult[]} results  the smallest fleet first
 * @property {import('./profile.mjs').Summary | null} profile
 */

/** KiB, against the smallest fleet of the run; null for that one. @param {Result} result @param {SizeResult} size */
export function memoryPerBackend({ results: [smallest] }, { backends, memory }) {
  if (smallest === undefined || backends <= smallest.backends) return null;
  return ((memory.residentMib - smallest.memory.residentMib) * 1_024) / (backends - smallest.backends);
}

/** Backends that half a core carries, for several ways to watch them. @param {Result} result */
export function capacityOf(result) {
  const largest = largestOf(result);
  const { usPerProbe } = largest.probing;
  const { http, batch } = largest.heartbeats;
  const carries = (/** @type {number} */ usPerSecond) => (SHARE * 1e6) / usPerSecond;
  return {
    backends: largest.backends,
    probes: carries(usPerProbe / PROBE_INTERVAL_S),
    http: carries(usPerProbe / PROBE_INTERVAL_S + http.usEach / HEARTBEAT_INTERVAL_S),
    batch: carries(usPerProbe / PROBE_INTERVAL_S + batch.usEach / HEARTBEAT_INTERVAL_S),
    batchAlone: carries(batch.usEach / HEARTBEAT_INTERVAL_S),
  };
}

/** @param {Result} result @param {readonly (readonly [fleet: number, proxies: number])[]} cases */
export function needsOf(result, cases) {
  const largest = largestOf(result);
  const kib = memoryPerBackend(result, largest) ?? 0;
  return cases.map(([fleet, proxies]) => ({
    fleet,
    proxies,
    cpuPercent: (fleet * largest.probing.usPerProbe) / PROBE_INTERVAL_S / 1e4,
    probesPerSecond: proxies / PROBE_INTERVAL_S,
    descriptors: fleet * PROBE_DESCRIPTORS + OTHER_DESCRIPTORS,
    mib: largest.memory.residentMib + ((fleet - largest.backends) * kib) / 1_024,
  }));
}

/** @param {Result} result */
function largestOf({ results }) {
  return /** @type {SizeResult} */ (results.at(-1));
}
