/** Clients over HTTP/2, in cleartext by prior knowledge and over TLS: several streams at once, some of which are reset on their way. */

import { connect, constants } from 'node:http2';
import { describeStatus, order, PATIENCE_MS, startPatience, writeInPieces } from './clients.mjs';
import { AnswerCheck, ID_HEADER, pathOf, uploadOf } from './exchange.mjs';

const MOST_STREAMS = 6;
const RESET_SHARE = 0.15;

/** @type {Record<string, import('./clients.mjs').Client>} */
export const HTTP2_CLIENTS = {
  http2: (world, dice) => session(world, dice, 'http2', `http://127.0.0.1:${world.port}`),
  'http2 over TLS': (world, dice) =>
    session(world, dice, 'http2 over TLS', `https://localhost:${world.tlsPort ?? 0}`, { rejectUnauthorized: false }),
};

/**
 * @param {import('./clients.mjs').World} world @param {import('./exchange.mjs').Dice} dice @param {string} kind
 * @param {string} origin @param {import('node:http2').SecureClientSessionOptions} [options]
 */
async function session(world, dice, kind, origin, options = {}) {
  const client = connect(origin, options);
  // Every stream hears of it as well.
  client.on('error', () => {});
  const streams = Array.from({ length: dice.between(1, MOST_STREAMS) }, () => {
    const isPost = dice.next() < 0.3;
    const what = order(world, dice, {
      answer: [0, dice.next() < 0.2 ? 300_000 : 8_192],
      isPost,
      upload: isPost ? [1, 100_000] : [0, 0],
    });
    const resetsAfterMs = dice.next() < RESET_SHARE ? dice.between(0, 60) : null;
    return exchange(world, kind, client, what, resetsAfterMs);
  });
  await Promise.all(streams);
  client.close();
  if (!client.destroyed) await new Promise((resolve) => client.once('close', () => resolve(undefined)));
}

/**
 * @param {import('./clients.mjs').World} world @param {string} kind @param {import('node:http2').ClientHttp2Session} client
 * @param {import('./exchange.mjs').Order} what @param {number | null} resetsAfterMs
 * @returns {Promise<void>}
 */
function exchange({ oracle }, kind, client, what, resetsAfterMs) {
  const startedMs = performance.now();
  const check = new AnswerCheck(what);
  return new Promise((resolve) => {
    let isOver = false;
    const settle = (/** @type {string} */ failure) => {
      if (isOver) return;
      isOver = true;
      patience.end();
      clearTimeout(leaving);
      oracle.tell({ kind, id: what.id, isPost: what.isPost, startedMs, failure, violation: check.violation });
      resolve();
    };
    const method = what.isPost ? 'POST' : 'GET';
    const stream = client.request({ ':path': pathOf(what), ':method': method }, { endStream: what.uploadBytes === 0 });
    const patience = startPatience(() => {
      const came = status === 0 ? 'no head' : `${check.received} of ${what.answerBytes} bytes from ${check.backend}`;
      const { effectiveLocalWindowSize = 0, effectiveRecvDataLength = 0 } = client.state;
      const windows = `windows ${effectiveLocalWindowSize} - ${effectiveRecvDataLength}, ${stream.state.localWindowSize}`;
      const progress = `${came}, ${what.uploadBytes} sent, ${windows}`;
      check.complain(
        `request ${what.id} was neither answered nor ended: nothing came for ${PATIENCE_MS / 1_000} s: ${progress}`,
      );
      settle('no answer');
      client.destroy();
    });
    const leaving = resetsAfterMs === null ? undefined : setTimeout(leave, resetsAfterMs);
    function leave() {
      settle('gone');
      stream.close(constants.NGHTTP2_CANCEL);
    }
    let status = 0;
    let isOwn = true;
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
      const header = (/** @type {string} */ name) => String(headers[name] ?? '');
      isOwn = header(ID_HEADER) === '';
      if (status === 200) check.head(header);
      // Not before: some versions of Node tell of the first bytes before they tell of the head.
      stream.on('data', (chunk) => {
        patience.hear();
        if (status === 200) check.body(chunk);
      });
    });
    stream.on('error', (error) => settle(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message));
    stream.on('end', () => {
      if (stream.rstCode !== 0 || status === 0 || client.destroyed) return;
      if (status === 200) check.end();
      settle(status === 200 ? '' : describeStatus(status, isOwn));
    });
    stream.on('close', () => settle('stream closed'));
    if (what.uploadBytes > 0) writeInPieces(stream, uploadOf(what));
  });
}
