/**
 * A short answer that is held back until it is whole. One that is cut short has then cost the client nothing, and may be had from
 * another backend; most come in one read, so most are not delayed by it, nor copied.
 */

import type { ResponseHead } from '../http1/response-head.ts';
import type { ClientSide } from './client-side.ts';

/** Longer answers go out as they come. */
const MAX_BYTES = 16_384;

/** Whether it is short, and tells so. An answer without a body is whole with its head. */
export function isHoldable({ framing, contentLength }: ResponseHead): boolean {
  return framing === 'length' && contentLength > 0 && contentLength <= MAX_BYTES;
}

export class HeldAnswer {
  readonly head: ResponseHead;
  /** Payload of the present read: it belongs to whoever reads. */
  private chunk: Buffer | null = null;
  private start = 0;
  private end = 0;
  /** Payload of earlier reads. */
  private kept: Buffer[] | null = null;

  constructor(head: ResponseHead) {
    this.head = head;
  }

  /** Valid until `keep`, which must follow before the read ends. */
  add(chunk: Buffer, start: number, end: number): void {
    this.keep();
    this.chunk = chunk;
    this.start = start;
    this.end = end;
  }

  /** The read ends before the answer does. */
  keep(): void {
    if (this.chunk === null) return;
    this.kept ??= [];
    this.kept.push(Buffer.from(this.chunk.subarray(this.start, this.end)));
    this.chunk = null;
  }

  /** It is whole. */
  sendTo(client: ClientSide): void {
    if (this.kept !== null) for (const bytes of this.kept) client.sendData(bytes, 0, bytes.length);
    if (this.chunk !== null) client.sendData(this.chunk, this.start, this.end);
  }
}
