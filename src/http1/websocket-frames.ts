/**
 * Where one frame of a WebSocket stream ends and the next begins (RFC 6455 §5.2), and the frame that closes it. Only lengths are
 * read; opcodes, masks and payloads are the two ends' affair, so compression and whatever comes later pass.
 */

/** RFC 6455 §7.4.1: the server goes away, or the client navigates; clients may connect again at once. */
const GOING_AWAY = 1001;

const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** Follows one direction of a stream, in pieces of any size. */
export class FrameCursor {
  /** Bytes that are left of the present payload. */
  private payload = 0;
  /** Bytes of the present header seen so far; 0 between frames. */
  private seen = 0;
  /** Bytes of the present header after its length: the mask. */
  private mask = 0;
  /** Bytes of the present header up to its length, all told. */
  private lengthEnd = 2;
  private length = 0;

  /** A frame may be inserted here. */
  get isBetweenFrames(): boolean {
    return this.payload === 0 && this.seen === 0;
  }

  follow(chunk: Uint8Array, from: number, end: number): void {
    let pos = from;
    while (pos < end) {
      if (this.payload > 0) {
        const skipped = Math.min(this.payload, end - pos);
        this.payload -= skipped;
        pos += skipped;
      } else {
        this.readHeader(chunk[pos++] as number);
      }
    }
  }

  private readHeader(byte: number): void {
    this.seen++;
    if (this.seen === 2) {
      const short = byte & 0x7f;
      this.mask = byte & 0x80 ? 4 : 0;
      this.lengthEnd = short === LENGTH_16 ? 4 : short === LENGTH_64 ? 10 : 2;
      this.length = this.lengthEnd === 2 ? short : 0;
    } else if (this.seen > 2 && this.seen <= this.lengthEnd) {
      // Beyond 2^53 it is not exact, but no such frame ends.
      this.length = this.length * 256 + byte;
    }
    if (this.seen >= 2 && this.seen === this.lengthEnd + this.mask) {
      this.payload = this.length;
      this.seen = 0;
    }
  }
}

/**
 * A close frame with the status 1001.
 * @param mask four unpredictable bytes towards a server (§5.3), null towards a client
 */
export function closeFrame(mask: Uint8Array | null): Buffer {
  const code = [GOING_AWAY >> 8, GOING_AWAY & 0xff];
  if (mask === null) return Buffer.from([0x88, 0x02, ...code]);
  return Buffer.from([0x88, 0x82, ...mask, ...code.map((byte, i) => byte ^ (mask[i] as number))]);
}
