/**
 * The request line (RFC 9112 §3): method, target and version, one space between each, nothing else.
 */

import { TOKEN_PATTERN } from './field-line.ts';
import { type Refusal, refuse } from './refusal.ts';

export interface RequestLine {
  readonly ok: true;
  readonly method: string;
  /** As received; not yet checked. */
  readonly target: string;
  readonly minor: 0 | 1;
}

const COMMON_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const FORWARDED_METHOD = /^[A-Z][A-Z0-9_-]{0,31}$/;

/** CONNECT asks for a tunnel to a host of the client's choice; TRACE and TRACK echo credentials. */
const REFUSED_METHODS = new Set(['CONNECT', 'TRACE', 'TRACK']);

const VERSION = /^HTTP\/([0-9])\.([0-9])$/;

/** Parses text[0, end), a line without its CRLF. */
export function parseRequestLine(text: string, end: number): RequestLine | Refusal {
  const methodEnd = text.indexOf(' ');
  const targetEnd = text.indexOf(' ', methodEnd + 1);
  if (methodEnd < 0 || targetEnd < 0) return refuse(400, 'not an HTTP/1 request line');
  const method = text.slice(0, methodEnd);
  const isCommon = COMMON_METHODS.has(method);
  if (!isCommon && !TOKEN_PATTERN.test(method)) return refuse(400, 'method is not a token');

  // Spaces found behind the line's end leave no version here.
  const version = text.slice(targetEnd + 1, end);
  let minor: 0 | 1 = 1;
  if (version !== 'HTTP/1.1') {
    const match = VERSION.exec(version);
    if (match === null) return refuse(400, 'not an HTTP/1 request line');
    if (match[1] !== '1') return refuse(505, `version ${version}`);
    // A higher minor version means at least the features of 1.1 (RFC 9110 §2.5).
    minor = match[2] === '0' ? 0 : 1;
  }
  if (!isCommon && REFUSED_METHODS.has(method)) return refuse(405, `method ${method}`);
  if (!isCommon && !FORWARDED_METHOD.test(method)) return refuse(501, 'unknown method');
  return { ok: true, method, target: text.slice(methodEnd + 1, targetEnd), minor };
}
