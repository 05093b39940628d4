/** An answer on its way to the client: the backend's payload in the framing that this client understands. */

import { chunkHead, LAST_CHUNK } from '../http1/body-reader.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ClientSide } from './client-side.ts';
import { type ClientFraming, clientFraming } from './heads.ts';

export class ResponseRelay {
  private readonly client: ClientSide;
  private framing: ClientFraming = 'none';

  constructor(client: ClientSide) {
    this.client = client;
  }

  begin(head: ResponseHead, clientMinor: 0 | 1): void {
    this.framing = clientFraming(head, clientMinor);
    this.client.addResponseHead(head, this.framing);
  }

  data(chunk: Buffer, start: number, end: number): void {
    if (this.framing === 'none') return;
    if (this.framing === 'chunked') this.client.addText(chunkHead(end - start));
    this.client.addBytes(chunk, start, end);
    if (this.framing === 'chunked') this.client.addText('\r\n');
  }

  end(): void {
    if (this.framing === 'chunked') this.client.addText(LAST_CHUNK);
  }

  /** The client can tell where the answer ends without the connection closing. */
  get delimited(): boolean {
    return this.framing !== 'until_close';
  }
}
