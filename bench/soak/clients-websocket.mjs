/** WebSocket clients: messages in text and binary that must come back as they went, from one and the same backend, in order. */

import { WebSocket } from 'ws';
import { PATIENCE_MS } from './clients.mjs';
import { patternOf } from './exchange.mjs';

const ABRUPT_SHARE = 0.3;

/** @type {Record<string, import('./clients.mjs').Client>} */
export const WEBSOCKET_CLIENTS = { websocket: talk };

/** @param {import('./clients.mjs').World} world @param {import('./exchange.mjs').Dice} dice @returns {Promise<void>} */
function talk({ port, oracle }, dice) {
  const id = oracle.nextId();
  const startedMs = performance.now();
  const messages = dice.between(1, 20);
  const leavesAfter = dice.next() < ABRUPT_SHARE ? dice.between(0, messages) : null;
  const gapMs = dice.between(0, 60);
  /** @type {string | null} */
  let violation = null;
  return new Promise((resolve) => {
    let isOver = false;
    const settle = (/** @type {string} */ failure) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(patience);
      oracle.tell({ kind: 'websocket', id, isPost: false, startedMs, failure, violation });
      resolve();
    };
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket/${id}`);
    const patience = setTimeout(() => {
      settle('no answer');
      socket.terminate();
    }, PATIENCE_MS);
    let backend = '';
    let answered = 0;
    /** @type {Buffer} */
    let expected = Buffer.alloc(0);
    let isBinary = false;
    const say = () => {
      if (leavesAfter === answered) {
        settle('gone');
        socket.terminate();
        return;
      }
      if (answered === messages) {
        socket.close(1_000);
        return;
      }
      isBinary = dice.next() < 0.5;
      const size = dice.between(1, dice.next() < 0.1 ? 100_000 : 2_000);
      expected = patternOf(id, `message ${answered}`).slice(0, size);
      socket.send(expected, { binary: isBinary });
    };
    socket.on('open', say);
    socket.on('message', (/** @type {Buffer} */ data, wasBinary) => {
      const colon = data.indexOf(':');
      const from = data.subarray(0, colon).toString('latin1');
      backend = backend === '' ? from : backend;
      if (from !== backend) violation ??= `connection ${id} heard ${from} after ${backend}`;
      if (wasBinary !== isBinary || !data.subarray(colon + 1).equals(expected)) {
        violation ??= `message ${answered} of connection ${id} came back as ${JSON.stringify(data.subarray(0, 60).toString('latin1'))}`;
      }
      answered += 1;
      setTimeout(say, gapMs);
    });
    socket.on('unexpected-response', (request, response) => {
      settle(`handshake ${response.statusCode}`);
      request.destroy();
    });
    socket.on('error', (error) => settle(/** @type {NodeJS.ErrnoException} */ (error).code ?? 'error'));
    socket.on('close', (code) => settle(answered === messages && code === 1_000 ? '' : `closed with ${code}`));
  });
}
