/**
 * A cursor over one message in the protobuf wire format. Reading past the end is an answer, never an exception. Groups, which
 * proto3 never writes, the wire types 6 and 7 and field number 0 are refused.
 */

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;

export const CUT_SHORT = 'the protobuf message is cut short';

const MAX_TAG = 2 ** 32 - 1;
const MAX_VARINT_BYTES = 10;

export class ProtobufReader {
  private readonly buffer: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  constructor(buffer: Uint8Array) {
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  atEnd(): boolean {
    return this.at === this.buffer.length;
  }

  /** -1 when cut short or longer than ten bytes. Exact up to 2^53, which covers every tag and length that is accepted. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.buffer[this.at];
      if (byte === undefined) return -1;
      this.at++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return -1;
  }

  /** null when cut short. */
  double(): number | null {
    if (!this.advance(8)) return null;
    return this.view.getFloat64(this.at - 8, true);
  }

  /** The bytes of a length-delimited field; null when cut short. */
  bytes(): Uint8Array | null {
    const length = this.varint();
    if (!this.advance(length)) return null;
    return this.buffer.subarray(this.at - length, this.at);
  }

  /** Passes over the value of a field that the caller does not read. Returns what is wrong with it, for people, or null. */
  skip(tag: number): string | null {
    if (tag < 0) return CUT_SHORT;
    if (tag < 8 || tag > MAX_TAG) return 'the protobuf message has an impossible field number';
    const wireType = tag % 8;
    switch (wireType) {
      case VARINT:
        return this.varint() < 0 ? CUT_SHORT : null;
      case FIXED64:
        return this.advance(8) ? null : CUT_SHORT;
      case LENGTH_DELIMITED:
        return this.advance(this.varint()) ? null : CUT_SHORT;
      case FIXED32:
        return this.advance(4) ? null : CUT_SHORT;
      default:
        return `the protobuf message uses the wire type ${wireType}`;
    }
  }

  private advance(length: number): boolean {
    if (length < 0 || length > this.buffer.length - this.at) return false;
    this.at += length;
    return true;
  }
}
