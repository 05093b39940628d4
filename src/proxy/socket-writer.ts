/**
 * Gathers what one turn wants to write to a socket, so that a head and a small body leave in one system call.
 * Owns nothing but the text gathered since the last flush; whoever adds must flush before returning to the event loop.
 */

import type { Socket } from 'node:net';

/** Up to this size a body joins the gathered text; copying it as latin1 is cheaper than a second buffer in the write. */
const SMALL_BYTES = 8_192;

export class SocketWriter {
  private readonly socket: Socket;
  private text = '';
  private corked = false;
  /** Bytes handed to the socket so far. */
  bytes = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** `text` must be latin1: one byte per character. */
  addText(text: string): void {
    this.text += text;
  }

  /** Copies `chunk[start, end)`: the caller may reuse the chunk at once. */
  addBytes(chunk: Buffer, start: number, end: number): void {
    if (end - start <= SMALL_BYTES) {
      this.text += chunk.toString('latin1', start, end);
      return;
    }
    this.cork();
    this.writeText();
    this.bytes += end - start;
    this.socket.write(Buffer.from(chunk.subarray(start, end)));
  }

  /** Hands everything gathered to the kernel. False when the socket is full: wait for its `drain`. */
  flush(): boolean {
    this.writeText();
    if (this.corked) {
      this.corked = false;
      this.socket.uncork();
    }
    return !this.socket.writableNeedDrain;
  }

  private cork(): void {
    if (this.corked) return;
    this.corked = true;
    this.socket.cork();
  }

  private writeText(): void {
    if (this.text === '') return;
    this.bytes += this.text.length;
    this.socket.write(this.text, 'latin1');
    this.text = '';
  }
}
