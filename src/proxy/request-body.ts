/**
 * A request's body on its way to a backend: decoded from the client's framing, framed anew for the backend, and held as
 * long as it may have to be sent again. It knows neither sockets nor time.
 */

import { BodyReader, type BodyStep, chunkHead, LAST_CHUNK } from '../http1/body-reader.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { ReplayBuffer } from './replay-buffer.ts';
import type { SocketWriter } from './socket-writer.ts';

export function hasBody(head: RequestHead): boolean {
  return head.framing === 'chunked' || head.contentLength > 0;
}

export class RequestBody {
  /** All of it has come from the client. */
  whole = false;
  /** Where `send` stopped in its chunk. */
  pos = 0;
  private readonly chunked: boolean;
  private readonly reader: BodyReader;
  private replay: ReplayBuffer | null = null;

  /** @param head one that `hasBody` */
  constructor(head: RequestHead) {
    this.chunked = head.framing === 'chunked';
    this.reader = new BodyReader(head.framing, head.contentLength);
  }

  /** Payload bytes that have come so far. */
  get received(): number {
    return this.reader.received;
  }

  /** Why a `bad` body is bad. */
  get detail(): string {
    return this.reader.detail;
  }

  /** From now on up to `limitBytes` of it are held. */
  hold(limitBytes: number): void {
    this.replay = new ReplayBuffer(limitBytes);
  }

  /** It will not be sent again. */
  letGo(): void {
    this.replay?.drop();
  }

  /** Whether another backend could be sent all that one was sent. */
  get replayable(): boolean {
    return this.reader.received === 0 || this.replay?.whole === true;
  }

  /** Takes one step through `chunk[from, end)` and writes what it finds. */
  send(chunk: Buffer, from: number, end: number, writer: SocketWriter): BodyStep {
    const { reader } = this;
    const step = reader.step(chunk, from, end);
    this.pos = reader.pos;
    if (step === 'data') {
      this.replay?.add(chunk, reader.dataStart, reader.dataEnd);
      this.write(chunk, reader.dataStart, reader.dataEnd, writer);
    } else if (step === 'end') {
      this.whole = true;
      if (this.chunked) writer.addText(LAST_CHUNK);
    }
    return step;
  }

  /** Writes again what earlier attempts were sent. */
  resend(writer: SocketWriter): void {
    if (this.replay === null) return;
    for (const chunk of this.replay.contents()) this.write(chunk, 0, chunk.length, writer);
    if (this.whole && this.chunked) writer.addText(LAST_CHUNK);
  }

  private write(chunk: Buffer, start: number, end: number, writer: SocketWriter): void {
    if (this.chunked) writer.addText(chunkHead(end - start));
    writer.addBytes(chunk, start, end);
    if (this.chunked) writer.addText('\r\n');
  }
}
