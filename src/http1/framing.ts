/**
 * Where a message's body ends, as its head says (RFC 9112 §6). Stricter than the RFC asks: one field, one meaning.
 */

import { splitList, TOKEN_PATTERN } from './field-line.ts';

export type Framing = 'none' | 'length' | 'chunked' | 'until_close';

const CONTENT_LENGTH = /^(?:0|[1-9][0-9]{0,15})$/;

/** A Content-Length in octets, 0 to 2^53 - 1; -1 when it is not plain digits without leading zeros. */
export function parseContentLength(value: string): number {
  const length = CONTENT_LENGTH.test(value) ? Number(value) : -1;
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

/** What a Transfer-Encoding asks for: chunks alone, chunks over codings that we do not undo, or nothing that ends. */
export function parseTransferEncoding(value: string): 'chunked' | 'unsupported' | 'invalid' {
  if (value === 'chunked') return value;
  const codings = splitList(value);
  if (codings.pop() !== 'chunked') return 'invalid';
  if (codings.length === 0) return 'chunked';
  return codings.every((coding) => coding !== 'chunked' && TOKEN_PATTERN.test(coding)) ? 'unsupported' : 'invalid';
}
