/**
 * The WebSocket handshake (RFC 6455 §4) as far as a gateway must judge it: whether a request really asks for one, and whether
 * an answer really grants it. What the two agree on besides (subprotocol, extensions) is theirs and crosses unread.
 */

import { createHash } from 'node:crypto';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** 16 bytes in base64; the bits behind them are zero, or two keys could be the same (RFC 4648 §3.5). */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** RFC 6455 §1.3: what makes the answer's proof one of this protocol and no other. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * The key of a WebSocket handshake; '' when the request is none: another protocol, method, version of HTTP or of WebSocket,
 * a key that is none, a field given twice, or a body.
 */
export function webSocketKey(head: RequestHead): string {
  if (head.upgrade.toLowerCase() !== 'websocket' || head.method !== 'GET' || head.minor !== 1) return '';
  if (head.framing === 'chunked' || head.contentLength > 0) return '';
  if (onlyValue(head.fields, 'sec-websocket-version') !== '13') return '';
  const key = onlyValue(head.fields, 'sec-websocket-key');
  return KEY.test(key) ? key : '';
}

/** What is wrong with a 101 that answers a handshake with this key; '' when nothing is. */
export function checkUpgrade(head: ResponseHead, key: string): string {
  if (head.minor !== 1) return '101 in HTTP/1.0';
  if (head.upgrade.toLowerCase() !== 'websocket') return '101 without upgrade to websocket';
  if (head.contentLength > 0) return '101 with a body';
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  return onlyValue(head.fields, 'sec-websocket-accept') === accept ? '' : '101 whose sec-websocket-accept is wrong';
}

/** The value of the only line with this name (lower case); '' when there is none, or more than one. */
function onlyValue(fields: string, name: string): string {
  let found = '';
  let count = 0;
  for (let start = 0; start < fields.length; ) {
    const colon = fields.indexOf(':', start);
    const next = fields.indexOf('\r\n', start) + 2;
    if (colon - start === name.length && fields.slice(start, colon).toLowerCase() === name) {
      found = fields.slice(colon + 1, next - 2).trim();
      count++;
    }
    start = next;
  }
  return count === 1 ? found : '';
}
