/**
 * A request head of which only a part has come: is more worth waiting for? What can never become a valid head is
 * refused at once, so that a wrong protocol or an attack does not hold a connection until its timeout.
 */

import { TOKEN_PATTERN } from './field-line.ts';
import type { HeadLimits } from './head-fields.ts';
import { type Refusal, refuse } from './refusal.ts';
import { parseRequestLine } from './request-line.ts';

const CRLF = '\r\n';

/** The CRLFCRLF that has not come may still be on its way behind a head of the longest length. */
const TERMINATOR_BYTES = 4;

/** A bare LF, a bare CR (one at the end may still get its LF), or another control character. */
const IMPOSSIBLE = /(?<!\r)\n|\r[^\n]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/**
 * Why the head that begins with `text` can never be accepted; null while it can.
 * @param text latin1, as received: one empty line before the request line is tolerated (RFC 9112 §2.2)
 */
export function checkPartialHead(text: string, limits: HeadLimits): Refusal | null {
  const head = text.startsWith(CRLF) ? text.slice(CRLF.length) : text;
  if (head === '' || head === '\r') return null;
  if (!TOKEN_PATTERN.test(head.charAt(0))) return refuse(400, 'not an HTTP/1 request line');
  if (IMPOSSIBLE.test(head)) return refuse(400, 'control character or bare line end in the head');
  const lineEnd = head.indexOf(CRLF);
  if (head.length >= limits.headerBytes + TERMINATOR_BYTES) {
    return lineEnd < 0 ? refuse(414, 'request line too long') : refuse(431, 'head too large');
  }
  if (lineEnd < 0) return null;
  const line = parseRequestLine(head, lineEnd);
  return line.ok ? null : line;
}
