/**
 * Finds the payload in the bytes of a message body, and where the message ends (RFC 9112 §6, §7.1). It copies nothing:
 * it points into the chunks that it is shown. Chunk extensions and trailers are checked and dropped. The verdict is
 * the same however the bytes are split.
 *
 *   size ──CR──► size_lf ──LF──► data ──► data_cr ──► data_lf ──► size
 *    │              ▲    └─LF, size 0──► trailer ──CR──► trailer_lf ──► trailer | done
 *    └─;─► extension ┘                                     any state ──► refused
 */

import { FieldLine } from './field-line.ts';
import type { Framing } from './framing.ts';

/**
 * `data`: payload at [dataStart, dataEnd); `more`: everything shown is consumed; `end`: the message is complete;
 * `bad` and `too_large`: refused, see `detail`, and nothing behind `pos` may be trusted.
 */
export type BodyStep = 'data' | 'more' | 'end' | 'bad' | 'too_large';

type ChunkState =
  | 'size'
  | 'size_lf'
  | 'extension'
  | 'data'
  | 'data_cr'
  | 'data_lf'
  | 'trailer'
  | 'trailer_lf'
  | 'done'
  | 'refused';

/** More digits say no more: a size is at most 2^53 - 1. */
const MAX_SIZE_DIGITS = 15;
/** Per message, all chunks together: an extension per byte must not cost more than the byte (CVE-2024-22019). */
const MAX_EXTENSION_BYTES = 4_096;
const MAX_TRAILER_BYTES = 16_384;
const MAX_TRAILER_LINES = 100;

/** `;name`, `;name=token` or `;name="quoted"`, any number of them, without white space (RFC 9112 §7.1.1). */
const EXTENSIONS =
  /^(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*$/;

/** A trailer that speaks of framing can only mislead somebody (RFC 9110 §6.5.1). */
const FRAMING_TRAILER = /^(?:content-length|transfer-encoding):/i;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

export class BodyReader {
  /** The first byte not consumed by the last step. */
  pos = 0;
  dataStart = 0;
  dataEnd = 0;
  /** Why the last step was `bad` or `too_large`. */
  detail = '';
  /** Payload bytes so far. */
  received = 0;
  /** Load reports in the trailers (`endpoint-load-metrics` and `-bin`); '' when absent. */
  loadReport = '';
  loadReportBin = '';
  private readonly framing: Framing;
  /** Payload bytes due: of the message, or of the current chunk. */
  private remaining: number;
  private state: ChunkState = 'size';
  private verdict: 'bad' | 'too_large' = 'bad';
  private digits = 0;
  /** The extensions of the current chunk, or the current trailer line, so far. */
  private line = '';
  private extensionBytes = 0;
  private trailerBytes = 0;
  private trailerLines = 0;

  /** @param contentLength bytes; counts only for the framing `length` */
  constructor(framing: Framing, contentLength: number) {
    this.framing = framing;
    this.remaining = framing === 'length' ? contentLength : 0;
  }

  /** Looks at chunk[pos, end). After `data`, call it again from `this.pos`. A body `until_close` never ends by itself. */
  step(chunk: Uint8Array, pos: number, end: number): BodyStep {
    this.pos = pos;
    switch (this.framing) {
      case 'none':
        return 'end';
      case 'length':
        if (this.remaining === 0) return 'end';
        return pos < end ? this.takeData(Math.min(this.remaining, end - pos)) : 'more';
      case 'until_close':
        return pos < end ? this.takeData(end - pos) : 'more';
      case 'chunked':
        return this.stepChunked(chunk, end);
    }
  }

  private stepChunked(chunk: Uint8Array, end: number): BodyStep {
    while (this.pos < end && this.state !== 'done' && this.state !== 'refused') {
      if (this.state === 'data') {
        const step = this.takeData(Math.min(this.remaining, end - this.pos));
        if (this.remaining === 0) this.state = 'data_cr';
        return step;
      }
      this.consume(chunk[this.pos++] as number);
    }
    if (this.state === 'done') return 'end';
    return this.state === 'refused' ? this.verdict : 'more';
  }

  private takeData(bytes: number): BodyStep {
    this.dataStart = this.pos;
    this.pos += bytes;
    this.dataEnd = this.pos;
    this.received += bytes;
    if (this.framing !== 'until_close') this.remaining -= bytes;
    return 'data';
  }

  /** One byte outside the data. */
  private consume(byte: number): void {
    switch (this.state) {
      case 'size':
        this.consumeSize(byte);
        break;
      case 'extension':
        if (byte === CR) this.endExtensions();
        else if (++this.extensionBytes > MAX_EXTENSION_BYTES) this.refuse('too_large', 'chunk extensions too large');
        else this.append(byte);
        break;
      case 'size_lf':
        if (byte !== LF) this.refuse('bad', 'chunk size line not ended by CRLF');
        else this.state = this.remaining === 0 ? 'trailer' : 'data';
        break;
      case 'data_cr':
        if (byte !== CR) this.refuse('bad', 'chunk data longer than its size');
        else this.state = 'data_lf';
        break;
      case 'data_lf':
        this.digits = 0;
        if (byte !== LF) this.refuse('bad', 'chunk data not ended by CRLF');
        else this.state = 'size';
        break;
      case 'trailer':
        if (++this.trailerBytes > MAX_TRAILER_BYTES) this.refuse('too_large', 'trailers too large');
        else if (byte === CR) this.state = 'trailer_lf';
        else this.append(byte);
        break;
      case 'trailer_lf':
        if (byte !== LF) this.refuse('bad', 'bare CR in a trailer');
        else if (this.line === '') this.state = 'done';
        else this.endTrailerLine();
        break;
    }
  }

  private consumeSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.remaining = this.remaining * 16 + digit;
      if (++this.digits > MAX_SIZE_DIGITS || this.remaining > Number.MAX_SAFE_INTEGER)
        this.refuse('bad', 'chunk size too large');
    } else if (this.digits > 0 && byte === CR) {
      this.state = 'size_lf';
    } else if (this.digits > 0 && byte === SEMICOLON) {
      this.state = 'extension';
      this.line = ';';
      this.extensionBytes++;
    } else {
      this.refuse('bad', 'invalid chunk size');
    }
  }

  private append(byte: number): void {
    if (byte === 0x7f || (byte < 0x20 && byte !== 0x09))
      this.refuse('bad', 'control character in a chunk extension or trailer');
    else this.line += String.fromCharCode(byte);
  }

  private endExtensions(): void {
    if (!EXTENSIONS.test(this.line)) this.refuse('bad', 'invalid chunk extension');
    else this.state = 'size_lf';
    this.line = '';
  }

  private endTrailerLine(): void {
    const field = new FieldLine();
    if (!field.read(this.line, 0)) this.refuse('bad', field.problem);
    else if (FRAMING_TRAILER.test(this.line)) this.refuse('bad', 'framing field in the trailers');
    else if (++this.trailerLines > MAX_TRAILER_LINES) this.refuse('too_large', 'too many trailer lines');
    else this.keepReport(field);
    this.line = '';
  }

  /** Of all trailers the backend's load report alone means something to us. */
  private keepReport({ nameEnd, valueStart, valueEnd }: FieldLine): void {
    this.state = 'trailer';
    const name = this.line.slice(0, nameEnd).toLowerCase();
    const value = this.line.slice(valueStart, valueEnd);
    if (name === 'endpoint-load-metrics') this.loadReport ||= value;
    else if (name === 'endpoint-load-metrics-bin') this.loadReportBin ||= value;
  }

  private refuse(verdict: 'bad' | 'too_large', detail: string): void {
    this.state = 'refused';
    this.verdict = verdict;
    this.detail = detail;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The line before a chunk of `bytes` (at least 1) bytes; CRLF goes behind the chunk. */
export function chunkHead(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}

/** Ends a chunked body without trailers. */
export const LAST_CHUNK = '0\r\n\r\n';
