/** Reads a stream of messages with our codec, as a connection would, but from bytes in memory. */

import type { Rng } from '../../src/base/rng.ts';
import { BodyReader } from '../../src/http1/body-reader.ts';
import { checkPartialHead } from '../../src/http1/head-end.ts';
import { parseRequestHead } from '../../src/http1/request-head.ts';
import { parseResponseHead } from '../../src/http1/response-head.ts';
import type { Message } from './message.ts';

const LIMITS = { headerBytes: 16_384, headerCount: 100, underscoreHeaders: 'allow' } as const;

export interface Reading {
  readonly messages: readonly Message[];
  /** Why reading stopped; empty when it ran out of bytes or came to a connection's last message. */
  readonly refusal: string;
}

/** Reads requests until one is refused, the connection would be closed, or the bytes end. Bodies are fed in random pieces. */
export function readRequests(bytes: Buffer, rng: Rng): Reading {
  const messages: Message[] = [];
  let pos = 0;
  for (;;) {
    const text = bytes.toString('latin1', pos);
    const start = text.startsWith('\r\n') ? 2 : 0;
    const end = text.indexOf('\r\n\r\n', start);
    const partial = end < 0 ? checkPartialHead(text, LIMITS) : null;
    if (end < 0) return { messages, refusal: partial?.detail ?? '' };
    const headText = text.slice(start, end);
    const head = parseRequestHead(headText, LIMITS, 'http');
    if (!head.ok) return { messages, refusal: head.detail };
    const message = {
      start: `${head.method} ${head.target}`,
      minor: head.minor,
      lines: countLines(headText),
      body: '',
      complete: false,
    };
    messages.push(message);
    const body = new BodyReader(head.framing, head.contentLength);
    pos = feed(body, message, bytes, pos + end + 4, rng);
    if (!message.complete || !head.keepAlive) return { messages, refusal: body.detail };
  }
}

/** As `readRequests`, for answers to `requestMethods` in order (GET once they are used up). */
export function readResponses(bytes: Buffer, requestMethods: readonly string[], rng: Rng): Reading {
  const messages: Message[] = [];
  let answered = 0;
  let pos = 0;
  for (;;) {
    const text = bytes.toString('latin1', pos);
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return { messages, refusal: '' };
    const head = parseResponseHead(text.slice(0, end), LIMITS, requestMethods[answered] ?? 'GET');
    if (!head.ok) return { messages, refusal: head.detail };
    const isFinal = head.status >= 200;
    if (isFinal) answered++;
    const message = {
      start: String(head.status),
      minor: head.minor,
      lines: countLines(text.slice(0, end)),
      body: '',
      complete: false,
    };
    messages.push(message);
    const body = new BodyReader(head.framing, head.contentLength);
    pos = feed(body, message, bytes, pos + end + 4, rng);
    if (!message.complete || head.status === 101 || (isFinal && !head.keepAlive))
      return { messages, refusal: body.detail };
  }
}

/** Returns where reading stopped. */
function feed(body: BodyReader, message: Message, bytes: Buffer, from: number, rng: Rng): number {
  let pos = from;
  let end = pos;
  for (;;) {
    const step = body.step(bytes, pos, end);
    pos = body.pos;
    if (step === 'data') message.body += bytes.toString('latin1', body.dataStart, body.dataEnd);
    else if (step === 'end') message.complete = true;
    if (step === 'more' && end < bytes.length) end = Math.min(bytes.length, end + 1 + rng.below(12));
    else if (step !== 'data') return pos;
  }
}

function countLines(head: string): number {
  return head.split('\r\n').length - 1;
}
