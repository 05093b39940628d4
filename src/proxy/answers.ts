/**
 * Answers that we give ourselves (INTERFACE §5): JSON with a stable code and the request's id, naming no backend.
 */

import type { OutcomeClass } from '../model/outcome.ts';
import { statusLine } from './heads.ts';

export interface Answer {
  readonly status: number;
  readonly code: string;
  /** Complete header lines, each ending in CRLF. */
  readonly fields: string;
  /** No further request is taken on the connection: the client and we may not agree on where it would begin. */
  readonly closes: boolean;
}

const CLOSING = new Set([400, 408, 413, 431]);

function answer(status: number, code: string, fields = ''): Answer {
  return { status, code, fields, closes: CLOSING.has(status) };
}

/** Seconds that a client is asked to wait before it tries again. */
const RETRY_AFTER = 'retry-after: 1\r\n';

/** CONNECT, TRACE and TRACK have no place here; everything else is the backends' to allow. */
const ALLOW = 'allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n';

export const ANSWERS = {
  options: answer(204, '', ALLOW),
  badRequest: answer(400, 'bad_request'),
  noRoute: answer(404, 'no_route'),
  requestTimeout: answer(408, 'request_timeout'),
  bodyTooLarge: answer(413, 'body_too_large'),
  misdirectedRequest: answer(421, 'misdirected_request'),
  badGateway: answer(502, 'bad_gateway'),
  noBackend: answer(503, 'no_backend', RETRY_AFTER),
  overloaded: answer(503, 'overloaded', RETRY_AFTER),
  gatewayTimeout: answer(504, 'gateway_timeout'),
  loopDetected: answer(508, 'loop_detected'),
} as const;

/** The answer to a request that the codec refused. */
export function answerToRefusal(status: number, code: string): Answer {
  return answer(status, code, status === 405 ? ALLOW : '');
}

/** The answer to a request whose last attempt has failed before its answer began. */
export function answerToFailure(outcome: OutcomeClass): Answer {
  if (outcome === 'timeout' || outcome === 'connect_timeout') return ANSWERS.gatewayTimeout;
  // Nobody has begun it, for want of room there or here.
  const isUnbegun = outcome === 'refused' || outcome === 'unprocessed' || outcome === 'local_error';
  return isUnbegun ? ANSWERS.overloaded : ANSWERS.badGateway;
}

/** The bytes of an answer. `bodyless`: the request was HEAD, so only the head is sent. */
export function renderAnswer(
  { status, code, fields }: Answer,
  requestId: string,
  close: boolean,
  bodyless: boolean,
  date: string,
): string {
  const common = `${statusLine(status)}date: ${date}\r\n${fields}x-request-id: ${requestId}\r\n${close ? 'connection: close\r\n' : ''}`;
  if (status === 204) return `${common}\r\n`;
  const body = JSON.stringify({ error: code, request_id: requestId });
  const head = `${common}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  return bodyless ? head : head + body;
}
