/**
 * Signed heartbeats of a whole fleet at a steady rate, as one process: over HTTP on a few kept connections, in batches, and as
 * datagrams. Each is signed before its time comes, so that what is measured is the receiver. Every backend takes its turn.
 */

import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export const KEY = { id: 'scale', secret: 'a secret of the benchmark', upstreams: ['app'] };
const BATCH = 100;
const CONNECTIONS = 16;
const TICK_MS = 20;

/** @typedef {'http' | 'batch' | 'udp'} Way */

/** Of each backend's process: the same over all ways, or the proxy would think that it has started anew. */
const BOOT = 'a5c4e1d0';
let seq = 0;

/** @param {number} n */
function heartbeat(n) {
  seq += 1;
  const load = { cpu_utilization: 0.3, application_utilization: 0.5, rps_fractional: 120, eps: 0.5 };
  const rest = { boot: BOOT, seq, sent_at: Date.now(), status: 'up', version: '1.4.2', load };
  return { upstream: 'app', backend: `b${n}`, ...rest };
}

/**
 * Resolves with how many were sent, after all answers have come.
 * @param {Way} way @param {{ port: number, udpPort: number, fleet: number, perSecond: number, seconds: number }} load
 */
export async function sendHeartbeats(way, { port, udpPort, fleet, perSecond, seconds }) {
  const send = way === 'udp' ? openUdp(udpPort) : openHttp(port);
  const startedMs = performance.now();
  let sent = 0;
  let next = 0;
  for (let elapsed = 0; elapsed < seconds * 1_000; elapsed = performance.now() - startedMs) {
    const due = Math.floor((elapsed / 1_000) * perSecond) - sent;
    const each = way === 'batch' ? Math.min(BATCH, fleet) : 1;
    for (let n = 0; n + each <= due; n += each) {
      const some = Array.from({ length: each }, () => heartbeat(next++ % fleet));
      send.one(way === 'batch' ? some : some[0]);
      sent += each;
    }
    await sleep(TICK_MS);
  }
  await send.end();
  return { sent, refused: send.refused() };
}

/** @param {string} body */
function sign(body) {
  return createHmac('sha256', KEY.secret).update(body).digest('hex');
}

/** @param {number} port */
function openUdp(port) {
  const socket = createSocket('udp4');
  return {
    one: (/** @type {unknown} */ value) => {
      const body = JSON.stringify(value);
      socket.send(`${KEY.id} ${sign(body)} ${body}`, port, '127.0.0.1');
    },
    end: async () => {
      await sleep(200);
      socket.close();
    },
    refused: () => 0,
  };
}

/** Requests wait in line for a connection that is free, as a sender's would. @param {number} port */
function openHttp(port) {
  /** @type {string[]} */
  const line = [];
  let open = 0;
  let refused = 0;
  const connections = Array.from({ length: CONNECTIONS }, () => {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    socket.setEncoding('latin1');
    const state = { isFree: true, text: '', feed: () => {} };
    state.feed = () => {
      const next = state.isFree ? line.shift() : undefined;
      if (next === undefined) return;
      state.isFree = false;
      socket.write(next);
    };
    socket.on('error', () => {});
    socket.on('data', (text) => {
      state.text += text;
      const end = state.text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(state.text)?.[1] ?? 0);
      if (end < 0 || state.text.length < end + 4 + length) return;
      if (!state.text.startsWith('HTTP/1.1 200') || state.text.includes('"accepted":false')) refused += 1;
      state.text = '';
      state.isFree = true;
      open -= 1;
      state.feed();
    });
    return { socket, state };
  });
  return {
    one: (/** @type {any} */ value) => {
      const body = JSON.stringify(value);
      const path = Array.isArray(value) ? '/v1/heartbeats' : `/v1/heartbeats/app/${value.backend}`;
      line.push(
        `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n` +
          `x-pulsegate-key: ${KEY.id}\r\nx-pulsegate-signature: sha256=${sign(body)}\r\n\r\n${body}`,
      );
      open += 1;
      for (const { state } of connections) state.feed();
    },
    end: async () => {
      for (let tries = 0; open > 0 && tries < 250; tries++) await sleep(TICK_MS);
      for (const { socket } of connections) socket.destroy();
    },
    refused: () => refused,
  };
}
