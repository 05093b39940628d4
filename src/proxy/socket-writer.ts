/**
 * Gathers what one turn wants to write to a socket, so that a head and a small body leave in one system call.
 * Owns nothing but the text gathered since the last flush; whoever adds must flush before returning to the event loop.
 */

import type { Socket } from 'node:net';

/** Up to this size a body joins the gathered text; copying it as latin1 is cheaper than a second buffer in the write. */
const SMALL_BYTES = 8_192;

/** Larger pieces are copied into blocks that are used again: fresh memory costs more than the copy. */
const BLOCK_BYTES = 65_536;
/** Kept for use; more than these at once are left to the garbage collector. */
const MOST_BLOCKS = 32;
const freeBlocks: Buffer[] = [];

export class SocketWriter {
  private readonly socket: Socket;
  private text = '';
  private corked = false;
  /** Blocks whose bytes may not have reached the kernel; null = none. */
  private lent: Buffer[] | null = null;
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
    for (let from = start; from < end; from += BLOCK_BYTES)
      this.writeBlock(chunk, from, Math.min(end, from + BLOCK_BYTES));
  }

  /** Hands everything gathered to the kernel. False when the socket is full: wait for its `drain`. */
  flush(): boolean {
    this.writeText();
    if (this.corked) {
      this.corked = false;
      this.socket.uncork();
    }
    // The kernel has usually taken all of it by now; `drain` follows then as well, and finds nothing to do.
    if (this.socket.writableLength > 0) return !this.socket.writableNeedDrain;
    this.settle();
    return true;
  }

  /**
   * Now and then: what the kernel did not take at once it may have taken since. Over TLS that is always so, and an idle connection must not keep its blocks.
   */
  settle(): void {
    if (this.lent !== null && this.socket.writableLength === 0) this.reclaim(this.lent);
  }

  private writeBlock(chunk: Buffer, start: number, end: number): void {
    const block = freeBlocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    chunk.copy(block, 0, start, end);
    this.socket.write(block.subarray(0, end - start));
    if (this.lent === null) this.lent = [block];
    else this.lent.push(block);
  }

  private reclaim(blocks: readonly Buffer[]): void {
    this.lent = null;
    for (const block of blocks) if (freeBlocks.length < MOST_BLOCKS) freeBlocks.push(block);
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
