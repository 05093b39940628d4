/**
 * The answer on an HTTP/2 stream: head, body and end are held until a flush, so that a small answer is two frames and the last
 * of them says that it is. Once the stream is closed, whatever is sent is forgotten.
 */

import { constants, type ServerHttp2Stream } from 'node:http2';
import type { ResponseHead } from '../http1/response-head.ts';
import { type FieldMap, fieldsOf, informationalFields, isBodyless, mayHaveTrailers } from '../http2/response.ts';

/** Bytes of an answer that wait for the client or its window. */
const MAX_HELD_BYTES = 65_536;

const CONTINUE = { ':status': 100 };
const HEAD_ONLY = { endStream: true };
const WITH_BODY = { endStream: false };
const WITH_TRAILERS = { waitForTrailers: true };

export class Http2Reply {
  /** Payload sent so far, and heads about as long as they are. */
  bytes = 0;
  private readonly stream: ServerHttp2Stream;
  /** Not sent yet; null = sent, or not known. */
  private head: FieldMap | null = null;
  private parts: Buffer[] = [];
  /** Behind the head, if that is held, nothing is sent any more. */
  private complete = false;
  private endDue = false;
  private mayHaveTrailers = false;
  /** The stream will ask for trailers. */
  private awaitsTrailers = false;
  private closeDue = false;
  private trailers = '';

  constructor(stream: ServerHttp2Stream) {
    this.stream = stream;
  }

  /** The client can still be sent something. */
  get isOpen(): boolean {
    return !this.stream.destroyed && !this.stream.closed;
  }

  sendContinue(): void {
    if (this.isOpen) this.stream.additionalHeaders(CONTINUE);
  }

  sendInformational(head: ResponseHead): void {
    if (this.isOpen) this.stream.additionalHeaders(informationalFields(head));
  }

  /** @param fields what is sent of `head` */
  addHead(fields: FieldMap, head: ResponseHead): void {
    this.head = fields;
    this.complete = isBodyless(head);
    this.mayHaveTrailers = mayHaveTrailers(head);
    this.bytes += head.fields.length;
  }

  /** A head and a body of our own, and the end; '' = no body. */
  addWhole(fields: FieldMap, body: string): void {
    this.head = fields;
    this.endDue = true;
    this.bytes += body.length;
    if (body !== '') this.parts.push(Buffer.from(body));
  }

  /** Copies what it keeps. */
  addData(chunk: Buffer, start: number, end: number): void {
    if (this.complete || !this.isOpen) return;
    this.bytes += end - start;
    const part = Buffer.allocUnsafe(end - start);
    chunk.copy(part, 0, start, end);
    this.parts.push(part);
  }

  /** @param trailers field lines, each ending in CRLF; '' = none */
  addEnd(trailers: string): void {
    this.endDue = true;
    this.trailers = trailers;
  }

  /** Hands on what is held. False when the client does not keep up: wait for the stream's `drain`. */
  flush(): boolean {
    const { stream } = this;
    if (!this.isOpen) return true;
    if (this.head !== null) this.sendHead(this.head);
    if (!this.complete) this.sendBody();
    return !stream.writableNeedDrain && stream.writableLength < MAX_HELD_BYTES;
  }

  /** The stream waits for them behind the body. */
  sendTrailers(): void {
    this.awaitsTrailers = false;
    this.stream.sendTrailers(fieldsOf(this.trailers));
    if (this.closeDue) setImmediate(closeBehind, this.stream);
  }

  /** Closes the stream behind the answer, which is whole: nothing more of the request is wanted (RFC 9113 §8.1). */
  close(): void {
    this.closeDue = true;
    // A stream that is closed asks for no trailers any more.
    if (this.isOpen && !this.awaitsTrailers) this.stream.close(constants.NGHTTP2_NO_ERROR);
  }

  private sendHead(fields: FieldMap): void {
    const { trailers } = this;
    const last = this.complete || (this.endDue && this.parts.length === 0 && trailers === '');
    // Where the end is not known yet, trailers may come with it.
    const waits = !last && (trailers !== '' || (this.mayHaveTrailers && !this.endDue));
    this.stream.respond(fields, last ? HEAD_ONLY : waits ? WITH_TRAILERS : WITH_BODY);
    this.head = null;
    this.complete = last;
    this.awaitsTrailers = waits;
  }

  private sendBody(): void {
    const { parts, stream } = this;
    const body = parts.length === 1 ? (parts[0] as Buffer) : parts.length === 0 ? null : Buffer.concat(parts);
    if (body !== null) this.parts = [];
    this.complete = this.endDue;
    if (!this.endDue) {
      if (body !== null) stream.write(body);
    } else if (body === null) {
      stream.end();
    } else {
      stream.end(body);
    }
  }
}

/** Closing drops what is still queued; then the client, which has all but the trailers to read, is left to its deadline. */
function closeBehind(stream: ServerHttp2Stream): void {
  if (stream.session?.state.outboundQueueSize === 0) stream.close(constants.NGHTTP2_NO_ERROR);
}
