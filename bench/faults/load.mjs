/**
 * The client of the fault scoreboard, a process of its own so that nothing else delays it: `node load.mjs OPTIONS` (JSON)
 * with an IPC channel. Open loop: requests leave on schedule, however slow the ones before are, and latency counts from the
 * scheduled time. It says `{ startedMs }` when the measured part begins and `{ results, lateMs }` when every request has ended.
 * Times are milliseconds of the machine's monotonic clock, which all processes share.
 */

import { Agent, request } from 'node:http';
import { answerTo, createRequests } from './exchange.mjs';

/**
 * @typedef {object} LoadOptions
 * @property {number} port
 * @property {string} run
 * @property {number} perSecond
 * @property {number} seconds
 * @property {number} warmUpSeconds  sent before, at the same rate, and not reported
 * @property {number} [answerBytes]  of every answer
 * @property {number} patienceMs  after which the client gives a request up
 *
 * @typedef {object} Result
 * @property {string} id
 * @property {'GET' | 'POST'} method
 * @property {number} dueMs  after the start of the measured part
 * @property {number} tookMs  from when it was due to when it ended
 * @property {string} failure  '' = the right answer, whole; `503 (b)`; `wrong answer`; `cut short`; `no answer`; an error's code
 * @property {string} backend  who answered; '' = nobody, or the proxy itself
 * @property {boolean} refusedPolitely  503 with retry-after
 */

const SWEEP_MS = 50;

/** @type {LoadOptions} */
const options = JSON.parse(process.argv[2] ?? '');
const gapMs = 1_000 / options.perSecond;
const agent = new Agent({ keepAlive: true, maxFreeSockets: 1_024 });
/** The worst that a request left behind its schedule: this process, or the whole machine, stood still. */
let lateMs = 0;
/** @type {Set<{ startedMs: number, giveUp(): void }>} */
const open = new Set();

process.on('disconnect', () => process.exit(1));
const sweeper = setInterval(() => {
  const beforeMs = now() - options.patienceMs;
  for (const one of open) if (one.startedMs < beforeMs) one.giveUp();
}, SWEEP_MS);

await sendAll(`${options.run}w`, options.warmUpSeconds);
const results = await sendAll(options.run, options.seconds, (startedMs) => process.send?.({ startedMs }));
clearInterval(sweeper);
agent.destroy();
process.send?.({ results, lateMs }, () => process.disconnect());

/**
 * @param {string} run @param {number} seconds @param {(startedMs: number) => void} [onStart]
 * @returns {Promise<Result[]>}
 */
function sendAll(run, seconds, onStart) {
  const requests = createRequests(run, Math.round(seconds * options.perSecond));
  const startedMs = now();
  lateMs = 0;
  onStart?.(startedMs);
  /** @type {Promise<Result>[]} */
  const sent = [];
  return new Promise((resolve) => {
    const sendDue = () => {
      for (let next = requests[sent.length]; next !== undefined; next = requests[sent.length]) {
        const dueMs = sent.length * gapMs;
        const waitMs = startedMs + dueMs - now();
        if (waitMs > 0) {
          setTimeout(sendDue, waitMs);
          return;
        }
        lateMs = Math.max(lateMs, -waitMs);
        sent.push(send(next, startedMs, dueMs));
      }
      resolve(Promise.all(sent));
    };
    sendDue();
  });
}

/** @param {import('./exchange.mjs').Request} what @param {number} startedMs @param {number} dueMs @returns {Promise<Result>} */
function send({ id, method, body }, startedMs, dueMs) {
  return new Promise((resolve) => {
    let backend = '';
    let refusedPolitely = false;
    /** @param {string} failure */
    const settle = (failure) => {
      if (!open.delete(entry)) return;
      resolve({ id, method, dueMs, tookMs: now() - startedMs - dueMs, failure, backend, refusedPolitely });
    };
    const headers = { 'x-fault-id': id, ...(method === 'POST' ? { 'content-length': body.length } : {}) };
    const sent = request({ agent, host: '127.0.0.1', port: options.port, path: `/item/${id}`, method, headers });
    const entry = {
      startedMs: startedMs + dueMs,
      giveUp: () => {
        settle('no answer');
        sent.destroy();
      },
    };
    open.add(entry);
    sent.on('response', (response) => {
      let text = '';
      backend = String(response.headers['x-backend'] ?? '');
      refusedPolitely = response.statusCode === 503 && response.headers['retry-after'] !== undefined;
      response.setEncoding('latin1');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', () => settle('cut short'));
      response.on('end', () => {
        if (response.statusCode !== 200) settle(`${response.statusCode} (${backend === '' ? 'proxy' : 'backend'})`);
        else settle(text === answerTo(backend, id, body, options.answerBytes) ? '' : 'wrong answer');
      });
    });
    sent.on('error', (error) => settle(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message));
    sent.end(body);
  });
}

function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}
