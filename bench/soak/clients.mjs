/**
 * The ordinary clients of the soak, over HTTP/1.1 with node:http: small requests, downloads and uploads, framed by length or in chunks.
 * Each is told to act once and tells the oracle its story.
 */

import { Agent, request } from 'node:http';
import { AnswerCheck, ID_HEADER, pathOf, uploadOf } from './exchange.mjs';

/** Longer than any time-out of the proxy in the soak's configuration: who hears nothing for so long was forgotten. */
export const PATIENCE_MS = 30_000;

/**
 * Calls `giveUp` once nothing has been heard for so long; a large answer on a slow machine may take longer than that in all.
 * @param {() => void} giveUp
 */
export function startPatience(giveUp) {
  let heardMs = performance.now();
  let timer = setTimeout(look, PATIENCE_MS);
  function look() {
    const leftMs = heardMs + PATIENCE_MS - performance.now();
    if (leftMs > 0) timer = setTimeout(look, leftMs);
    else giveUp();
  }
  return {
    hear: () => {
      heardMs = performance.now();
    },
    end: () => clearTimeout(timer),
  };
}

/**
 * @typedef {object} World  what a client needs
 * @property {number} port  of the cleartext listener, HTTP/1.1 and HTTP/2
 * @property {number | null} tlsPort
 * @property {import('./oracle.mjs').Oracle} oracle
 * @property {Agent} agent
 *
 * @typedef {(world: World, dice: import('./exchange.mjs').Dice) => Promise<void>} Client
 */

export function createAgent() {
  return new Agent({ keepAlive: true, maxFreeSockets: 64, timeout: 0 });
}

/** @type {Record<string, Client>} */
export const HTTP1_CLIENTS = {
  get: (world, dice) => exchange(world, 'get', order(world, dice, { answer: [0, 4_096] })),
  post: (world, dice) =>
    exchange(world, 'post', order(world, dice, { upload: [1, 8_192], answer: [0, 1_024], isPost: true })),
  download: (world, dice) => exchange(world, 'download', order(world, dice, { answer: [65_536, 1_048_576] })),
  upload: (world, dice) =>
    exchange(
      world,
      'upload',
      order(world, dice, { upload: [65_536, 1_048_576], answer: [0, 1_024], isPost: true }),
      dice.next() < 0.5,
    ),
};

/**
 * @param {World} world @param {import('./exchange.mjs').Dice} dice
 * @param {{ upload?: [number, number], answer: [number, number], isPost?: boolean }} wish  sizes in bytes
 * @returns {import('./exchange.mjs').Order}
 */
export function order({ oracle }, dice, { upload = [0, 0], answer, isPost = false }) {
  return {
    id: oracle.nextId(),
    isPost,
    uploadBytes: dice.between(...upload),
    answerBytes: dice.between(...answer),
    isChunked: dice.next() < 0.5,
  };
}

/** What an answer other than 200 says. @param {number} status @param {boolean} isOwn  the proxy's, not a backend's */
export function describeStatus(status, isOwn) {
  return `${status} of ${isOwn ? 'the proxy' : 'a backend'}`;
}

/**
 * One request from beginning to end.
 * @param {World} world @param {string} kind @param {import('./exchange.mjs').Order} what @param {boolean} [isUploadChunked]
 * @returns {Promise<void>}
 */
function exchange({ port, oracle, agent }, kind, what, isUploadChunked = false) {
  const startedMs = performance.now();
  const check = new AnswerCheck(what);
  return new Promise((resolve) => {
    let isOver = false;
    const settle = (/** @type {string} */ failure) => {
      if (isOver) return;
      isOver = true;
      patience.end();
      oracle.tell({ kind, id: what.id, isPost: what.isPost, startedMs, failure, violation: check.violation });
      resolve();
    };
    const patience = startPatience(() => {
      check.complain(`request ${what.id} was neither answered nor ended: nothing came for ${PATIENCE_MS / 1_000} s`);
      settle('no answer');
      sent.destroy();
    });
    const headers = what.uploadBytes > 0 && !isUploadChunked ? { 'content-length': what.uploadBytes } : {};
    const method = what.isPost ? 'POST' : 'GET';
    const sent = request({ agent, host: '127.0.0.1', port, path: pathOf(what), method, headers });
    sent.on('error', (error) => settle(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message));
    sent.on('response', (response) => {
      const header = (/** @type {string} */ name) => String(response.headers[name] ?? '');
      const status = response.statusCode ?? 0;
      if (status === 200) check.head(header);
      response.on('data', (chunk) => {
        patience.hear();
        if (status === 200) check.body(chunk);
      });
      response.on('error', () => settle('cut short'));
      response.on('end', () => {
        if (status === 200) check.end();
        settle(status === 200 ? '' : describeStatus(status, header(ID_HEADER) === ''));
      });
    });
    if (what.uploadBytes === 0) sent.end();
    else if (!isUploadChunked) sent.end(uploadOf(what));
    else writeInPieces(sent, uploadOf(what));
  });
}

/** @param {import('node:stream').Writable} stream @param {Buffer} bytes */
export function writeInPieces(stream, bytes, pieceBytes = 16_384) {
  let at = 0;
  const write = () => {
    while (at < bytes.length && !stream.destroyed) {
      const piece = bytes.subarray(at, at + pieceBytes);
      at += piece.length;
      if (!stream.write(piece)) {
        stream.once('drain', write);
        return;
      }
    }
    if (!stream.destroyed) stream.end();
  };
  write();
}
