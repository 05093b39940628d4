/**
 * The rows of the scoreboard: what befalls the backends, or the proxy, and when. Times are seconds of a run of six;
 * other runs stretch the schedule in proportion. The backends are `a b c d`; it is always b first.
 */

export const RUN_SECONDS = 6;
export const FAULT_AT_SECONDS = 1.5;

/**
 * @typedef {{ fleet: import('./fleet.mjs').Fleet, stopProxy(): void, continueProxy(): void }} Stage
 * @typedef {[atSeconds: number, act: (stage: Stage) => void | Promise<void>]} Step
 *
 * @typedef {object} Row
 * @property {string} name  for --only
 * @property {string} title
 * @property {import('./fleet.mjs').Change} [behaviour]  of all backends from their start
 * @property {number} [rateShare]  of the usual rate
 * @property {boolean} [extra]  only when --only names it
 * @property {Step[]} steps
 */

const COLD = { coldMs: 500, coldForMs: 2_000 };
/** @type {import('./fleet.mjs').Change} */
const FLAKY = { work: 'status', status: 503, share: 0.3 };
const ALL = [0, 1, 2, 3];

/** @type {Row[]} */
export const ROWS = [
  { name: 'steady', title: 'steady', steps: [] },
  { name: 'kill', title: 'kill -9 of one, back after 2.5 s', steps: [kill([1], 1.5), start([1], 4)] },
  { name: 'stop', title: 'SIGSTOP of one for 3 s', steps: [signal(1, 'SIGSTOP', 1.5), signal(1, 'SIGCONT', 4.5)] },
  { name: 'error500', title: '500 on work, /healthz fine', steps: [behave([1], { work: 'status', status: 500 })] },
  { name: 'flaky503', title: '503 on 30 % of one', steps: [behave([1], FLAKY)] },
  { name: 'slow', title: '100x slow', steps: [behave([1], { serviceMs: 500 })] },
  { name: 'hang', title: 'hangs, /healthz fine', steps: [behave([1], { work: 'hang' })] },
  { name: 'reset', title: 'resets after reading', steps: [behave([1], { work: 'reset' })] },
  { name: 'cut', title: 'answers cut short', steps: [behave([1], { work: 'cut' })] },
  {
    name: 'cutlong',
    title: 'answers of 64 KiB cut short',
    behaviour: { answerBytes: 65_536 },
    steps: [behave([1], { work: 'cut' })],
  },
  // Farther apart than half of the two seconds that nginx and Caddy leave a backend out: never more than two are.
  { name: 'rolling', title: 'rolling restart of all four', steps: ALL.map((n) => restart(n, 1.5 + 1.2 * n)) },
  { name: 'kill2', title: 'two of four killed at once', steps: [kill([1, 2], 1.5)] },
  { name: 'killall', title: 'all killed, back after 1.5 s', steps: [kill(ALL, 1.5), start(ALL, 3)] },
  { name: 'cold', title: 'restart, cold: 500 ms for 2 s', steps: [kill([1], 1.5), start([1], 2, COLD)] },
  // Each backend's turn comes every 55 ms, after 50 of idleness: just when it closes.
  { name: 'race', title: 'keep-alive race: idle for 50 ms', behaviour: { idleMs: 50 }, rateShare: 0.243, steps: [] },
  {
    name: 'proxystop',
    title: 'the proxy itself stopped for 2 s',
    steps: [
      [1.5, ({ stopProxy }) => stopProxy()],
      [3.5, ({ continueProxy }) => continueProxy()],
    ],
  },
  { name: 'healthz', title: '/healthz of all fails, work fine', steps: [behave(ALL, { healthy: false })] },
  { name: 'hangall', title: 'all hang, /healthz fine', extra: true, steps: [behave(ALL, { work: 'hang' })] },
  { name: 'allflaky', title: 'all answer 503 on 30 %', steps: [behave(ALL, FLAKY)] },
];

/** @param {number[]} which @param {number} atSeconds @returns {Step} */
function kill(which, atSeconds) {
  return [atSeconds, ({ fleet }) => which.forEach((n) => void fleet.backends[n]?.signal('SIGKILL'))];
}

/** @param {number[]} which @param {number} atSeconds @param {import('./fleet.mjs').Change} [change] @returns {Step} */
function start(which, atSeconds, change) {
  return [atSeconds, async ({ fleet }) => void (await Promise.all(which.map((n) => fleet.backends[n]?.start(change))))];
}

/** @param {number} n @param {'SIGSTOP' | 'SIGCONT'} name @param {number} atSeconds @returns {Step} */
function signal(n, name, atSeconds) {
  return [atSeconds, ({ fleet }) => fleet.backends[n]?.signal(name)];
}

/** @param {number[]} which @param {import('./fleet.mjs').Change} change @returns {Step} */
function behave(which, change) {
  return [FAULT_AT_SECONDS, ({ fleet }) => which.forEach((n) => void fleet.backends[n]?.behave(change))];
}

/** As deployments do it: asked to stop, it finishes what it has begun; a new process takes its place. @param {number} n @param {number} atSeconds @returns {Step} */
function restart(n, atSeconds) {
  return [
    atSeconds,
    async ({ fleet }) => {
      const backend = fleet.backends[n];
      backend?.signal('SIGTERM');
      await backend?.gone();
      await backend?.start();
    },
  ];
}
