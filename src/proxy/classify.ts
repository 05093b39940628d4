/** Whose fault a failed connection is: the backend's, or our own (faults: EMFILE and EADDRNOTAVAIL are never theirs). */

import type { OutcomeClass } from '../model/outcome.ts';
import { TLS_FAILURE } from '../tls/tls-failure.ts';

/** Error codes that say this machine has run out of something. */
const LOCAL_CODES = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM', 'EACCES', 'EPERM']);

/** The class of a connection that could not be opened. */
export function classifyConnectError(error: NodeJS.ErrnoException | null): OutcomeClass {
  const code = error?.code ?? '';
  if (LOCAL_CODES.has(code)) return 'local_error';
  if (code === 'ECONNREFUSED') return 'connect_refused';
  return code === 'ETIMEDOUT' ? 'connect_timeout' : 'connect_error';
}

/** A failure as people read it: `connect ECONNREFUSED`, without addresses. */
export function describeError(error: NodeJS.ErrnoException | null): string {
  if (error === null) return 'closed by the backend';
  if (error.code === TLS_FAILURE) return error.message;
  return error.syscall === undefined ? (error.code ?? 'error') : `${error.syscall} ${error.code ?? 'error'}`;
}

/** By number (RFC 9113 §7). */
const HTTP2_ERRORS = [
  ...['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT', 'STREAM_CLOSED'],
  ...['FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR', 'CONNECT_ERROR', 'ENHANCE_YOUR_CALM'],
  ...['INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED'],
];
const PROTOCOL_ERROR = 1;
const REFUSED_STREAM = 7;

/** A stream that closed before its answer was whole. */
export interface StreamEnd {
  /** Error code of RST_STREAM, ours or the backend's. */
  readonly code: number;
  /** The backend has said, by GOAWAY, that it did not begin it. */
  readonly isAboveGoaway: boolean;
  /** The connection has carried an answer before. */
  readonly hasServed: boolean;
  /** Something of an answer has come. */
  readonly hasBegunAnswer: boolean;
}

/**
 * The class of an HTTP/2 stream's end. A backend that closes connections in good order is not to blame for requests that
 * cross its GOAWAY; one that closes them before it has served anything is.
 */
export function classifyStreamEnd({ code, isAboveGoaway, hasServed, hasBegunAnswer }: StreamEnd): OutcomeClass {
  if (hasBegunAnswer) return code === PROTOCOL_ERROR ? 'malformed' : 'truncated';
  if (isAboveGoaway) return hasServed ? 'unprocessed' : 'refused';
  if (code === REFUSED_STREAM) return 'refused';
  return code === PROTOCOL_ERROR ? 'malformed' : 'reset';
}

/** @param sessionDetail why the connection is gone; '' = it is not */
export function describeStreamEnd(code: number, error: NodeJS.ErrnoException | null, sessionDetail: string): string {
  if (sessionDetail !== '') return sessionDetail;
  if (error?.syscall !== undefined) return describeError(error);
  return code === 0 ? 'stream closed before the answer was whole' : `stream closed with ${HTTP2_ERRORS[code] ?? code}`;
}
