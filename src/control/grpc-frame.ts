/**
 * The two messages of grpc.health.v1.Health/Check, in protobuf inside gRPC's length-prefixed framing, by hand:
 * HealthCheckRequest { string service = 1 } and HealthCheckResponse { ServingStatus status = 1 }.
 */

import { CUT_SHORT, LENGTH_DELIMITED, ProtobufReader, VARINT } from '../base/protobuf-reader.ts';

/** A flag for compression and the message's length. */
const PREFIX_BYTES = 5;
const SERVICE_TAG = 1 * 8 + LENGTH_DELIMITED;
const STATUS_TAG = 1 * 8 + VARINT;

const SERVING_STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** The longest service name that is asked for: its length is written as one byte. */
export const SERVICE_LIMIT_BYTES = 127;

/** @param service empty = the whole server; at most SERVICE_LIMIT_BYTES in UTF-8 */
export function encodeCheckRequest(service: string): Buffer {
  const name = Buffer.from(service);
  // proto3 leaves a field out that has its default value.
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([SERVICE_TAG, name.length]), name]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

export type CheckResponse = { readonly servingStatus: string } | { readonly problem: string };

/** `bytes`: the answer's whole body. Exactly one message is expected, uncompressed, for we offer no compression. */
export function decodeCheckResponse(bytes: Buffer): CheckResponse {
  if (bytes.length === 0) return { problem: 'no message in the answer' };
  if (bytes.length < PREFIX_BYTES) return { problem: 'the gRPC frame is cut short' };
  if (bytes[0] !== 0) return { problem: 'the answer is compressed, which was not offered' };
  const length = bytes.readUInt32BE(1);
  const present = bytes.length - PREFIX_BYTES;
  if (length !== present) return { problem: `the gRPC frame announces ${length} bytes, but ${present} came` };
  return decodeMessage(new ProtobufReader(bytes.subarray(PREFIX_BYTES)));
}

/** Unknown fields are skipped, and of a repeated one the last counts, as protobuf asks. */
function decodeMessage(reader: ProtobufReader): CheckResponse {
  let status = 0;
  while (!reader.atEnd()) {
    const tag = reader.varint();
    if (tag === STATUS_TAG) {
      status = reader.varint();
      if (status < 0) return { problem: CUT_SHORT };
    } else {
      const problem = reader.skip(tag);
      if (problem !== null) return { problem };
    }
  }
  return { servingStatus: SERVING_STATUSES[status] ?? `serving status ${status}` };
}
