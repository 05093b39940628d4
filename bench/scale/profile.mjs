/** Where the time of a CPU profile went: the shares of its functions' own time, grouped by the part of the program they belong to. */

/** First match wins. */
const PARTS = [
  ['(garbage collector)', /^\(garbage collector\)/],
  ['idle', /^\(idle\)/],
  ['system calls and native code', /^\(program\)/],
  ['probes: undici', /node_modules\/undici|node:internal\/(deps\/undici)/],
  ['probes: ours', /dist\/control\/(prober|probe|http-probe|probe-run|probe-load|http-expectation)/],
  ['heartbeats', /dist\/control\/heartbeat/],
  ['health engine', /dist\/health\//],
  ['snapshot and counters', /dist\/pool\//],
  ['picking', /dist\/pick\//],
  ['control, the rest', /dist\/control\//],
  ['requests', /dist\/(proxy|http1|http2)\//],
  [
    'node: sockets and streams',
    /node:(net|internal\/(net|stream|streams|js_stream|timers|process|async|util|url|abort|event))|node:(events|timers|dns)/,
  ],
];
const TOP = 12;

/**
 * @typedef {{ part: string, percent: number }} Share
 * @typedef {{ busyPercent: number, parts: Share[], functions: Share[] }} Summary  shares of the time that was not idle
 * @param {import('node:inspector').Profiler.Profile} profile
 * @returns {Summary}
 */
export function summariseProfile({ nodes, samples = [], timeDeltas = [] }) {
  /** @type {Map<number, number>} */
  const us = new Map();
  samples.forEach((node, index) => void us.set(node, (us.get(node) ?? 0) + (timeDeltas[index] ?? 0)));
  /** @type {Map<string, number>} */
  const parts = new Map();
  /** @type {Map<string, number>} */
  const functions = new Map();
  let total = 0;
  let idle = 0;
  for (const { id, callFrame } of nodes) {
    const own = us.get(id) ?? 0;
    const { functionName, url, lineNumber } = callFrame;
    total += own;
    if (functionName === '(idle)') {
      idle += own;
      continue;
    }
    const place = `${functionName} ${url}`;
    const part = PARTS.find(([, pattern]) =>
      /** @type {RegExp} */ (pattern).test(functionName.startsWith('(') ? functionName : place),
    );
    add(parts, part === undefined ? 'other' : String(part[0]), own);
    const file = url.replace(/^.*\/(dist|node_modules)\//, '');
    add(
      functions,
      functionName.startsWith('(') ? functionName : `${functionName || 'anonymous'} ${file}:${lineNumber + 1}`,
      own,
    );
  }
  const busy = Math.max(1, total - idle);
  return {
    busyPercent: (busy / Math.max(1, total)) * 100,
    parts: sharesOf(parts, busy),
    functions: sharesOf(functions, busy).slice(0, TOP),
  };
}

/** @param {Map<string, number>} sums @param {string} key @param {number} value */
function add(sums, key, value) {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

/** @param {Map<string, number>} sums @param {number} whole @returns {Share[]} */
function sharesOf(sums, whole) {
  return [...sums]
    .map(([part, value]) => ({ part, percent: (value / whole) * 100 }))
    .filter(({ percent }) => percent >= 0.5)
    .sort((a, b) => b.percent - a.percent);
}
