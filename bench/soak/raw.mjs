/** HTTP/1.1 by hand, for clients that no library would be: heads byte by byte, bodies never finished, answers read a little at a time. */

import { connect } from 'node:net';
import { describeStatus, startPatience } from './clients.mjs';
import { AnswerCheck, ID_HEADER, pathOf } from './exchange.mjs';

/** @param {import('./exchange.mjs').Order} what @param {boolean} [isChunked] of its body */
export function headOf(what, isChunked = false) {
  const method = what.isPost ? 'POST' : 'GET';
  const framing = isChunked ? 'transfer-encoding: chunked\r\n' : `content-length: ${what.uploadBytes}\r\n`;
  return `${method} ${pathOf(what)} HTTP/1.1\r\nhost: soak.test\r\naccept: */*\r\n${what.isPost ? framing : ''}\r\n`;
}

/** A connection, once it is open. Errors are an end like any other. @param {number} port */
export async function openRaw(port) {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  socket.on('error', () => {});
  await new Promise((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', resolve);
  });
  return socket;
}

/**
 * Reads the answers to these orders, in their order, off a connection. Tells each one's end: '' = whole and right, else why not.
 * @param {import('node:net').Socket} socket
 * @param {readonly { order: import('./exchange.mjs').Order, check: AnswerCheck }[]} expected
 * @param {(index: number, failure: string) => void} tell  exactly once for each
 * @param {(bytes: number) => void} [onBytes]  something has come
 */
export function readAnswers(socket, expected, tell, onBytes = () => {}) {
  let index = 0;
  let pending = Buffer.alloc(0);
  /** @type {{ status: number, isOwn: boolean, left: number, isChunked: boolean, part: 'size' | 'data' | 'line' | 'trailer' } | null} */
  let answer = null;
  const patience = startPatience(() => socket.destroy(new Error('no answer')));

  socket.on('data', (chunk) => {
    patience.hear();
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (index < expected.length && step());
    onBytes(chunk.length);
  });
  socket.on('close', () => {
    patience.end();
    for (; index < expected.length; index++) tell(index, answer === null ? 'closed' : 'cut short');
  });

  /** Takes one thing off what has come; false when more is needed. */
  function step() {
    const check = expected[index]?.check;
    if (check === undefined) return false;
    if (answer === null) return readHead(check);
    if (!answer.isChunked || answer.part === 'data') return readData(answer, check);
    const end = pending.indexOf('\r\n');
    if (end < 0) return false;
    const line = pending.toString('latin1', 0, end);
    pending = pending.subarray(end + 2);
    if (answer.part === 'line') answer.part = 'size';
    else if (answer.part === 'trailer') {
      if (line === '') finish(answer, check);
    } else {
      answer.left = Number.parseInt(line, 16);
      answer.part = answer.left === 0 ? 'trailer' : 'data';
    }
    return true;
  }

  /** @param {AnswerCheck} check */
  function readHead(check) {
    const end = pending.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [first = '', ...lines] = pending.toString('latin1', 0, end).split('\r\n');
    pending = pending.subarray(end + 4);
    /** @type {Record<string, string>} */
    const headers = {};
    for (const line of lines)
      headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim();
    const status = Number(first.split(' ')[1]);
    const isChunked = headers['transfer-encoding'] === 'chunked';
    const left = isChunked ? 0 : Number(headers['content-length'] ?? 0);
    answer = { status, isOwn: (headers[ID_HEADER] ?? '') === '', left, isChunked, part: 'size' };
    if (status === 200) check.head((name) => headers[name] ?? '');
    if (!isChunked && left === 0) finish(answer, check);
    return true;
  }

  /** @param {NonNullable<typeof answer>} now @param {AnswerCheck} check */
  function readData(now, check) {
    if (pending.length === 0) return false;
    const data = pending.subarray(0, now.left);
    pending = pending.subarray(data.length);
    now.left -= data.length;
    if (now.status === 200) check.body(data);
    if (now.left === 0) {
      if (now.isChunked) now.part = 'line';
      else finish(now, check);
    }
    return true;
  }

  /** @param {NonNullable<typeof answer>} done @param {AnswerCheck} check */
  function finish({ status, isOwn }, check) {
    if (status === 200) check.end();
    answer = null;
    index += 1;
    if (index === expected.length) patience.end();
    tell(index - 1, status === 200 ? '' : describeStatus(status, isOwn));
  }
}
