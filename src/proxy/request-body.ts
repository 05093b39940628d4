/**
 * A request's body on its way to a backend: taken out of the client's framing, and held as long as it may have to be sent
 * again. It knows neither sockets nor time, nor how the backend wants it framed.
 */

import { BodyReader, type BodyStep } from '../http1/body-reader.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { BodySink } from './attempt.ts';
import { ReplayBuffer } from './replay-buffer.ts';

export function hasBody(head: RequestHead): boolean {
  return head.framing === 'chunked' || head.contentLength > 0;
}

export class RequestBody {
  /** All of it has come from the client. */
  whole = false;
  /** Where `send` stopped in its chunk. */
  pos = 0;
  private readonly head: RequestHead;
  private readonly reader: BodyReader;
  private replay: ReplayBuffer | null = null;

  /**
   * @param head one that `hasBody`
   * @param raw the client sends it without framing, and `end` says where it ends
   */
  constructor(head: RequestHead, raw: boolean) {
    this.head = head;
    this.reader = new BodyReader(raw ? 'until_close' : head.framing, head.contentLength);
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

  /** Takes one step through `chunk[from, end)` and sends on what it finds. */
  send(chunk: Buffer, from: number, end: number, sink: BodySink): BodyStep {
    const { reader } = this;
    const step = reader.step(chunk, from, end);
    this.pos = reader.pos;
    if (step === 'data') {
      this.replay?.add(chunk, reader.dataStart, reader.dataEnd);
      sink.sendData(chunk, reader.dataStart, reader.dataEnd);
    } else if (step === 'end') {
      this.whole = true;
    }
    return step;
  }

  /** A raw body has ended. False: not where its head says (RFC 9113 §8.1.1). */
  end(): boolean {
    this.whole = this.head.framing !== 'length' || this.reader.received === this.head.contentLength;
    return this.whole;
  }

  /** Sends again what earlier attempts were sent. */
  resend(sink: BodySink): void {
    if (this.replay === null) return;
    for (const chunk of this.replay.contents()) sink.sendData(chunk, 0, chunk.length);
  }
}
