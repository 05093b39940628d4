/**
 * One unary gRPC call over a node:http2 session, as a probe needs it: a small message out, a small one back, and everything that
 * may come instead. Reports exactly once, when the stream has closed. Sets no time limit: whoever destroys the session ends it.
 */

import { type ClientHttp2Session, constants, type IncomingHttpHeaders } from 'node:http2';
import { codeOf, describeSocketError, describeStatus, isRefused } from './probe-run.ts';

/** What is read of an answer, at most; the health service's message has two bytes. */
const MESSAGE_LIMIT_BYTES = 4_096;
/** What is shown of a server's own words. */
const SHOWN_CHARACTERS = 200;

/** By number (gRPC, "Status codes and their use in gRPC"). */
const GRPC_STATUSES = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS'],
  ...['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED'],
  ...['INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'],
];

/** By number (RFC 9113 §7). */
const HTTP2_ERRORS = [
  ...['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT', 'STREAM_CLOSED'],
  ...['FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR', 'CONNECT_ERROR', 'ENHANCE_YOUR_CALM'],
  ...['INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED'],
];

export type CallResult =
  /** grpc-status 0. */
  | { readonly kind: 'answered'; readonly message: Buffer }
  /** The server answered, and refused or could not. */
  | { readonly kind: 'failed'; readonly detail: string }
  /** No answer began: the connection or the stream is to blame. */
  | { readonly kind: 'broken'; readonly detail: string; readonly refused: boolean };

export interface CallRequest {
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  /** `/package.Service/Method` */
  readonly path: string;
  readonly userAgent: string;
  /** Framed. */
  readonly message: Buffer;
  /** An error of the connection, in words that say more where there are any. */
  explain(error: NodeJS.ErrnoException): Error;
}

/** @param session neither closed nor destroyed */
export function callUnary(session: ClientHttp2Session, request: CallRequest, done: (result: CallResult) => void): void {
  const stream = session.request({
    ':method': 'POST',
    ':scheme': request.scheme,
    ':authority': request.authority,
    ':path': request.path,
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': request.userAgent,
  });
  let head: IncomingHttpHeaders | null = null;
  let trailers: IncomingHttpHeaders = {};
  let error: unknown = null;
  let size = 0;
  const chunks: Buffer[] = [];
  stream.on('response', (headers) => {
    head = headers;
  });
  stream.on('trailers', (headers) => {
    trailers = headers;
  });
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MESSAGE_LIMIT_BYTES) stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.on('error', (reason: Error) => {
    error = request.explain((reason.cause ?? reason) as Error);
  });
  stream.on('close', () => {
    const breach = () => describeBreach(error, stream.rstCode ?? 0, session.destroyed);
    if (head === null) done({ kind: 'broken', detail: breach() ?? 'no answer', refused: isRefused(error) });
    else if (size > MESSAGE_LIMIT_BYTES) done({ kind: 'failed', detail: 'the answer is longer than 4 KiB' });
    else done(judge(head, { ...head, ...trailers }, breach, Buffer.concat(chunks)));
  });
  stream.end(request.message);
}

/** A status without a body comes in the head (a trailers-only answer), any other in the trailers. */
function judge(
  head: IncomingHttpHeaders,
  fields: IncomingHttpHeaders,
  breach: () => string | null,
  message: Buffer,
): CallResult {
  const status = fields['grpc-status'];
  if (status === undefined) {
    return { kind: 'failed', detail: breach() ?? `${describeStatus(Number(head[':status']))} without grpc-status` };
  }
  if (status === '0') return { kind: 'answered', message };
  const said = fields['grpc-message'];
  const words = `grpc-status ${status} ${GRPC_STATUSES[Number(status)] ?? ''}`.trimEnd();
  return { kind: 'failed', detail: (said === undefined ? words : `${words}: ${said}`).slice(0, SHOWN_CHARACTERS) };
}

/** How the exchange was cut off; null when it was not. */
function describeBreach(error: unknown, resetCode: number, isConnectionGone: boolean): string | null {
  const code = codeOf(error);
  const reason = HTTP2_ERRORS[resetCode] ?? `error ${resetCode}`;
  if (code === 'ERR_HTTP2_SESSION_ERROR') return `GOAWAY ${reason}`;
  if (code === 'ERR_HTTP2_ERROR') return 'what came is no HTTP/2';
  if (code === 'ERR_HTTP2_STREAM_ERROR') return `stream reset: ${reason}`;
  if (error !== null) return describeSocketError(error);
  if (isConnectionGone) return 'connection closed before the answer was whole';
  return resetCode === constants.NGHTTP2_NO_ERROR ? null : `stream reset: ${reason}`;
}
