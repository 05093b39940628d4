/**
 * Reads the one protobuf message xds.data.orca.v3.OrcaLoadReport into a draft, by the protobuf wire format.
 * A field we do not know, or that comes in another wire type than its own, is skipped, as protobuf asks; groups, which
 * proto3 never writes, the wire types 6 and 7, field number 0 and anything cut short refuse the message.
 */

import { CUT_SHORT, FIXED64, LENGTH_DELIMITED, ProtobufReader } from '../base/protobuf-reader.ts';
import type { OrcaDraft } from './orca-draft.ts';

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

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Adds what `bytes` hold to `draft`. Returns what is wrong, for people, or null. */
export function readOrcaProtobuf(bytes: Uint8Array, draft: OrcaDraft): string | null {
  const reader = new ProtobufReader(bytes);
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

function readScalar(reader: ProtobufReader, name: string, draft: OrcaDraft): string | null {
  const value = reader.double();
  return value === null ? CUT_SHORT : draft.scalar(name, value);
}

function readEntry(outer: ProtobufReader, map: string, draft: OrcaDraft): string | null {
  const bytes = outer.bytes();
  if (bytes === null) return CUT_SHORT;
  const reader = new ProtobufReader(bytes);
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
