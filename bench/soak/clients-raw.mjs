/**
 * Clients that are slow, leave at every stage of a request, or send several requests before they read an answer.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { order } from './clients.mjs';
import { AnswerCheck, uploadOf } from './exchange.mjs';
import { headOf, openRaw, readAnswers } from './raw.mjs';

const MOST_PIPELINED = 4;

/** Where a client leaves. */
export const STAGES = [
  'connected',
  'in the head',
  'after the head',
  'in the body',
  'before the answer',
  'in the answer',
  'pipelined',
];

/** @type {Record<string, import('./clients.mjs').Client>} */
export const RAW_CLIENTS = {
  'slow head': slowHead,
  'slow upload': slowUpload,
  'slow reader': slowReader,
  pipelined,
  abort,
};

/** @type {import('./clients.mjs').Client} */
async function slowHead(world, dice) {
  const what = order(world, dice, { answer: [0, 4_096] });
  await converse(world, 'slow head', [what], async (socket) => {
    const head = headOf(what);
    const pieceBytes = dice.between(3, 20);
    for (let at = 0; at < head.length && !socket.destroyed; at += pieceBytes) {
      socket.write(head.slice(at, at + pieceBytes));
      await sleep(dice.between(5, 40));
    }
  });
}

/** @type {import('./clients.mjs').Client} */
async function slowUpload(world, dice) {
  const what = order(world, dice, { isPost: true, upload: [2_000, 40_000], answer: [0, 1_024] });
  const isChunked = dice.next() < 0.5;
  await converse(world, 'slow upload', [what], async (socket) => {
    const body = uploadOf(what);
    socket.write(headOf(what, isChunked));
    const pieceBytes = Math.ceil(body.length / dice.between(5, 30));
    for (let at = 0; at < body.length && !socket.destroyed; at += pieceBytes) {
      await sleep(dice.between(5, 50));
      const piece = body.subarray(at, at + pieceBytes);
      if (isChunked) socket.write(`${piece.length.toString(16)}\r\n`);
      socket.write(piece);
      if (isChunked) socket.write('\r\n');
    }
    if (isChunked) socket.write('0\r\n\r\n');
  });
}

/** @type {import('./clients.mjs').Client} */
async function slowReader(world, dice) {
  const what = order(world, dice, { answer: [300_000, 1_500_000] });
  const pauseMs = dice.between(5, 40);
  await converse(
    world,
    'slow reader',
    [what],
    async (socket) => void socket.write(headOf(what)),
    (socket) => {
      socket.pause();
      setTimeout(() => socket.resume(), pauseMs);
    },
  );
}

/** @type {import('./clients.mjs').Client} */
async function pipelined(world, dice) {
  const orders = Array.from({ length: dice.between(2, MOST_PIPELINED) }, () =>
    order(world, dice, { answer: [0, dice.next() < 0.2 ? 100_000 : 2_000] }),
  );
  await converse(
    world,
    'pipelined',
    orders,
    async (socket) => void socket.write(orders.map((what) => headOf(what)).join('')),
  );
}

/**
 * Sends on a connection of its own and reads the answers.
 * @param {import('./clients.mjs').World} world @param {string} kind @param {readonly import('./exchange.mjs').Order[]} orders
 * @param {(socket: import('node:net').Socket) => Promise<void>} send
 * @param {(socket: import('node:net').Socket) => void} [onBytes]
 */
async function converse({ port, oracle }, kind, orders, send, onBytes = () => {}) {
  const startedMs = performance.now();
  const socket = await openRaw(port);
  const expected = orders.map((what) => ({ order: what, check: new AnswerCheck(what) }));
  let left = orders.length;
  await new Promise((resolve) => {
    const tell = (/** @type {number} */ index, /** @type {string} */ failure) => {
      const { order: what, check } = /** @type {typeof expected[number]} */ (expected[index]);
      oracle.tell({ kind, id: what.id, isPost: what.isPost, startedMs, failure, violation: check.violation });
      left -= 1;
      if (left === 0) resolve(undefined);
    };
    readAnswers(socket, expected, tell, () => onBytes(socket));
    if (socket.destroyed) socket.emit('close');
    else void send(socket);
  });
  socket.destroy();
}

/** Leaves at one of the stages, by a reset or by an ordinary end. What it was answered until then must be right. @type {import('./clients.mjs').Client} */
async function abort(world, dice) {
  const { port, oracle } = world;
  const stage = dice.oneOf(STAGES);
  const isPost =
    stage === 'after the head' || stage === 'in the body' || (stage === 'before the answer' && dice.next() < 0.5);
  const what = order(world, dice, {
    isPost,
    upload: isPost ? [2_000, 200_000] : [0, 0],
    answer: [stage === 'in the answer' ? 200_000 : 10, 500_000],
  });
  const startedMs = performance.now();
  const check = new AnswerCheck(what);
  const socket = await openRaw(port);
  readAnswers(socket, [{ order: what, check }], () => {});
  const head = headOf(what);
  const body = uploadOf(what);
  if (stage === 'in the head') socket.write(head.slice(0, dice.between(1, head.length - 1)));
  else if (stage === 'pipelined') socket.write(head + headOf(order(world, dice, { answer: [10, 50_000] })));
  else if (stage !== 'connected') socket.write(head);
  if (stage === 'in the body') socket.write(body.subarray(0, dice.between(1, body.length - 1)));
  if (stage === 'before the answer' && isPost) socket.write(body);
  if (stage === 'in the answer') await new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
  if (dice.next() < 0.7) await sleep(dice.between(0, 50));
  const { violation } = check;
  if (dice.next() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
  oracle.tell({ kind: `abort ${stage}`, id: what.id, isPost, startedMs, failure: 'gone', violation });
}
