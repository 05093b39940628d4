/**
 * Reads the one protobuf message xds.data.orca.v3.OrcaLoadReport into a draft, by the protobuf wire format.
 * A field we do not know, or that comes in another wire type than its own, is skipped, as protobuf asks; groups, which
 * proto3 never writes, the wire types 6 and 7, field number 0 and anything cut short refuse the message.
 */

import type { OrcaDraft } from './orca-draft.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** By tag, which is field number * 8 + wire type. `rps` (3, deprecated) is not among them: skipped. */
const SCALARS: ReadonlyMap<number, string> = new Map([
  [1 * 8 + FIXED64, 'cpu_utilization'],
  [2 * 8 + FIXED64, 'mem_utilization'],
  [6 * 8 + FIXED64, 'rps_fractional'],
  [7 * 8 + FIXED64, 'eps'],
  [9 * 8 + FIXED64, 'application_utilization'],
]);
const MAPS: ReadonlyMap<number, string> = new Map([
  [4 * 8 + LENGTH_DELIMITED, 'request_cost'],
  [5 * 8 + LENGTH_DELIMITED, 'utilization'],
  [8 * 8 + LENGTH_DELIMITED, 'named_metrics'],
]);
/** A map is a repeated message of its own: key and value. */
const ENTRY_KEY = 1 * 8 + LENGTH_DELIMITED;
const ENTRY_VALUE = 2 * 8 + FIXED64;

const MAX_TAG = 2 ** 32 - 1;
const MAX_VARINT_BYTES = 10;
const CUT_SHORT = 'the protobuf message is cut short';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Adds what `bytes` hold to `draft`. Returns what is wrong, for people, or null. */
export function readOrcaProtobuf(bytes: Uint8Array, draft: OrcaDraft): string | null {
  const reader = new WireReader(bytes);
  while (!reader.atEnd()) {
    const tag = reader.varint();
    const scalar = SCALARS.get(tag);
    const map = MAPS.get(tag);
    let problem: string | null;
    if (scalar !== undefined) problem = readScalar(reader, scalar, draft);
    else if (map !== undefined) problem = readEntry(reader, map, draft);
    else problem = reader.skip(tag);
    if (problem !== null) return problem;
  }
  return null;
}

function readScalar(reader: WireReader, name: string, draft: OrcaDraft): string | null {
  const value = reader.double();
  return value === null ? CUT_SHORT : draft.scalar(name, value);
}

function readEntry(outer: WireReader, map: string, draft: OrcaDraft): string | null {
  const bytes = outer.bytes();
  if (bytes === null) return CUT_SHORT;
  const reader = new WireReader(bytes);
  let key = '';
  let value = 0;
  while (!reader.atEnd()) {
    const tag = reader.varint();
    if (tag === ENTRY_KEY) {
      const text = reader.bytes();
      if (text === null) return CUT_SHORT;
      try {
        key = utf8.decode(text);
      } catch {
        return `a key of ${map} is not UTF-8`;
      }
    } else if (tag === ENTRY_VALUE) {
      const double = reader.double();
      if (double === null) return CUT_SHORT;
      value = double;
    } else {
      const problem = reader.skip(tag);
      if (problem !== null) return problem;
    }
  }
  return draft.entry(map, key, value);
}

/** A cursor over one message. */
class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** -1 when cut short or longer than ten bytes. Exact up to 2^53, which covers every tag and length that is accepted. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return -1;
      this.#at++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return -1;
  }

  /** null when cut short. */
  double(): number | null {
    if (!this.#advance(8)) return null;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  /** The bytes of a length-delimited field; null when cut short. */
  bytes(): Uint8Array | null {
    const length = this.varint();
    if (!this.#advance(length)) return null;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Passes over the value of a field that nothing here reads. Returns what is wrong with it, or null. */
  skip(tag: number): string | null {
    if (tag < 0) return CUT_SHORT;
    if (tag < 8 || tag > MAX_TAG) return 'the protobuf message has an impossible field number';
    const wireType = tag % 8;
    switch (wireType) {
      case VARINT:
        return this.varint() < 0 ? CUT_SHORT : null;
      case FIXED64:
        return this.#advance(8) ? null : CUT_SHORT;
      case LENGTH_DELIMITED:
        return this.#advance(this.varint()) ? null : CUT_SHORT;
      case FIXED32:
        return this.#advance(4) ? null : CUT_SHORT;
      default:
        return `the protobuf message uses the wire type ${wireType}`;
    }
  }

  #advance(length: number): boolean {
    if (length < 0 || length > this.#bytes.length - this.#at) return false;
    this.#at += length;
    return true;
  }
}
