/** An answer on its way to an HTTP/1 client: the backend's payload in the framing that this client understands. */

import { chunkHead, LAST_CHUNK } from '../http1/body-reader.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { type ClientFraming, clientFraming } from './heads.ts';
import type { SocketWriter } from './socket-writer.ts';

export class ResponseRelay {
  private readonly writer: SocketWriter;
  private framing: ClientFraming = 'none';

  constructor(writer: SocketWriter) {
    this.writer = writer;
  }

  /** Chooses the framing for the answer that begins; the caller sends the head. */
  begin(head: ResponseHead, clientMinor: 0 | 1): ClientFraming {
    this.framing = clientFraming(head, clientMinor);
    return this.framing;
  }

  data(chunk: Buffer, start: number, end: number): void {
    if (this.framing === 'none') return;
    if (this.framing === 'chunked') this.writer.addText(chunkHead(end - start));
    this.writer.addBytes(chunk, start, end);
    if (this.framing === 'chunked') this.writer.addText('\r\n');
  }

  end(): void {
    if (this.framing === 'chunked') this.writer.addText(LAST_CHUNK);
  }

  /** The client can tell where the answer ends without the connection closing. */
  get delimited(): boolean {
    return this.framing !== 'until_close';
  }
}
