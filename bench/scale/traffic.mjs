/**
 * A steady load on the proxy: GETs that leave on schedule over kept connections, their latency counted from when they were due. It
 * speaks HTTP/1.1 by hand, which costs a fraction of a real client: the machine has other work.
 */

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const REQUEST = 'GET /item/4711 HTTP/1.1\r\nhost: scale.test\r\nuser-agent: scale\r\naccept: */*\r\n\r\n';
const CONNECTIONS = 64;
const TICK_MS = 4;

/**
 * @typedef {{ requests: number, failed: number, failures: Record<string, number>, p50Ms: number, p99Ms: number, maxMs: number }} Figures
 * @typedef {{ stop(): Promise<Figures> }} Traffic
 * @param {number} port @param {number} perSecond @returns {Traffic}
 */
export function startTraffic(port, perSecond) {
  /** @type {number[]} */
  const latencies = [];
  /** @type {number[]} */
  const line = [];
  /** @type {Record<string, number>} by what came instead of an answer */
  const failures = {};
  let sent = 0;
  let isOver = false;
  let open = 0;

  const clients = Array.from({ length: CONNECTIONS }, () => {
    const client = { feed: () => {}, close: () => {} };
    let dueMs = -1;
    const reconnect = () => {
      const socket = connect(port, '127.0.0.1').setNoDelay();
      socket.setEncoding('latin1');
      let text = '';
      client.close = () => socket.destroy();
      client.feed = () => {
        if (dueMs >= 0) return;
        const next = line.shift();
        if (next === undefined) return;
        dueMs = next;
        socket.write(REQUEST);
      };
      const settle = (/** @type {string} */ failure) => {
        if (dueMs < 0) return;
        open -= 1;
        if (failure === '') latencies.push(performance.now() - dueMs);
        else failures[failure] = (failures[failure] ?? 0) + 1;
        dueMs = -1;
      };
      socket.on('data', (chunk) => {
        text += chunk;
        const end = text.indexOf('\r\n\r\n');
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
        if (end < 0 || text.length < end + 4 + length) return;
        settle(text.startsWith('HTTP/1.1 200') ? '' : text.slice(9, 12));
        text = '';
        client.feed();
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        settle('cut');
        if (!isOver) reconnect();
      });
    };
    reconnect();
    return client;
  });

  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1_000) * perSecond;
    for (; sent < due; sent++) {
      line.push(startedMs + (sent / perSecond) * 1_000);
      open += 1;
    }
    for (let n = 0; line.length > 0 && n < CONNECTIONS; n++) clients[n]?.feed();
  }, TICK_MS);

  return {
    stop: async () => {
      clearInterval(timer);
      for (let tries = 0; open > 0 && tries < 200; tries++) await sleep(25);
      isOver = true;
      for (const { close } of clients) close();
      latencies.sort((a, b) => a - b);
      const at = (/** @type {number} */ share) => latencies[Math.floor(latencies.length * share)] ?? 0;
      if (open > 0) failures['no answer'] = open;
      const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
      return { requests: sent, failed, failures, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: latencies.at(-1) ?? 0 };
    },
  };
}
