/**
 * The part of a request body that was sent to a backend, kept while it may have to be sent again.
 * A body that outgrows the limit is let go, and with it the chance of a retry.
 */

export class ReplayBuffer {
  private readonly limitBytes: number;
  private chunks: Buffer[] = [];
  private bytes = 0;
  /** Everything sent so far is held. */
  whole = true;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  add(chunk: Buffer, start: number, end: number): void {
    if (!this.whole) return;
    this.bytes += end - start;
    if (this.bytes > this.limitBytes) this.drop();
    else this.chunks.push(Buffer.from(chunk.subarray(start, end)));
  }

  /** No retry can follow any more. */
  drop(): void {
    this.whole = false;
    this.chunks = [];
  }

  contents(): readonly Buffer[] {
    return this.chunks;
  }
}
