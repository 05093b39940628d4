/** What the admin server says: a status, a body or a stream, and its type. Every answer carries the same protective headers. */

import type { ServerResponse } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that goes on: `stream` writes to the response and ends it. */
export interface Streamed {
  readonly status: number;
  readonly type: string;
  readonly stream: (response: ServerResponse) => void;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * No caching, no sniffing, no framing, nothing loaded from elsewhere, and deliberately no CORS header: a browser lets
 * no other site read an answer.
 */
const PROTECTIVE_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}

/** `{"error":"snake_case_code","message":"…"}`: the shape of every refusal. */
export function failure(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { ...json(status, { error: code, message }), headers };
}

/** Ends `response` with `answer`. A refused client loses its connection, and with it any body it still sends. */
export function send(response: ServerResponse, answer: Answer | Streamed): void {
  response.writeHead(answer.status, {
    ...PROTECTIVE_HEADERS,
    ...answer.headers,
    ...(answer.status >= 400 && answer.status < 500 ? { connection: 'close' } : {}),
    'content-type': answer.type,
    ...('body' in answer ? { 'content-length': Buffer.byteLength(answer.body) } : {}),
  });
  // node:http leaves the body out of an answer to HEAD; a stream is not even begun.
  if ('body' in answer) response.end(answer.body);
  else if (response.req.method === 'HEAD') response.end();
  else answer.stream(response);
}
