/**
 * Where a message's body ends, as its head says (RFC 9112 §6). Stricter than the RFC asks: one field, one line, one
 * spelling, so that no other parser can find another end.
 */

import { splitList, TOKEN_PATTERN } from './field-line.ts';

export type Framing = 'none' | 'length' | 'chunked' | 'until_close';

const CONTENT_LENGTH = /^(?:0|[1-9][0-9]{0,15})$/;

/** Gathers the framing fields of one head, and what is wrong with them. */
export class FramingFields {
  /** Octets, 0 to 2^53 - 1; -1 when no Content-Length was added. */
  contentLength = -1;
  isChunked = false;
  /** The first thing that is wrong; empty when all is well. */
  problem = '';
  /** The problem is nothing but codings below the chunks, which we do not undo (RFC 9112 §6.1: 501). */
  isUnsupported = false;

  /** @param minor of the head's version: HTTP/1.0 knows no chunks */
  addTransferEncoding(value: string, minor: 0 | 1): void {
    if (this.isChunked) this.refuse('more than one transfer-encoding');
    else if (minor === 0) this.refuse('transfer-encoding in HTTP/1.0');
    else if (this.contentLength >= 0) this.refuse('content-length together with transfer-encoding');
    else if (value !== 'chunked' && value.toLowerCase() !== 'chunked') this.refuseCodings(value);
    this.isChunked = true;
  }

  addContentLength(value: string): void {
    const length = CONTENT_LENGTH.test(value) ? Number(value) : -1;
    if (this.contentLength >= 0) this.refuse('more than one content-length');
    else if (this.isChunked) this.refuse('content-length together with transfer-encoding');
    else if (length < 0 || length > Number.MAX_SAFE_INTEGER) this.refuse('invalid content-length');
    this.contentLength = length;
  }

  private refuseCodings(value: string): void {
    const codings = splitList(value);
    this.isUnsupported =
      this.problem === '' &&
      codings.pop() === 'chunked' &&
      codings.length > 0 &&
      codings.every((coding) => coding !== 'chunked' && TOKEN_PATTERN.test(coding));
    this.refuse(
      this.isUnsupported ? 'transfer-encoding other than chunked' : 'transfer-encoding is not exactly chunked',
    );
  }

  private refuse(problem: string): void {
    if (this.problem !== '') this.isUnsupported = false;
    else this.problem = problem;
  }
}
