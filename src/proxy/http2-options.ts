/**
 * What node:http2 is told about a client's connection: settings that the client sees, and limits that end the connection below
 * us. Versions of Node that do not know a limit ignore it; ours (`Http2Budget`, the sweep) hold on all of them.
 */

import type { ServerSessionOptions } from 'node:http2';
import type { HeadLimits } from '../http1/request-head.ts';

/** Streams at a time; what RFC 9113 §6.5.2 recommends as the least. */
export const MAX_STREAMS = 100;

/** Bytes of a request's body that may be on the way to us. */
export const STREAM_WINDOW_BYTES = 65_535;

/** The same for all streams of a connection together. */
export const CONNECTION_WINDOW_BYTES = 1_048_576;

/** Fields beyond the limit that are still read, so that their number is answered (431) and not reset. */
const SPARE_FIELDS = 16;

export function http2Options({ headerBytes, headerCount }: HeadLimits): ServerSessionOptions {
  return {
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: STREAM_WINDOW_BYTES,
      headerTableSize: 4_096,
      enablePush: false,
      enableConnectProtocol: false,
      // Up to twice the limit is read, to be answered with 431. RFC 9113 §6.5.2 counts 32 bytes for each field.
      maxHeaderListSize: 2 * headerBytes + 32 * headerCount,
    },
    maxHeaderListPairs: headerCount + SPARE_FIELDS,
    // Answers of backends are read up to 64 KiB of head; this counts the worst case of their compression.
    maxSendHeaderBlockLength: 262_144,
    maxSessionMemory: 10,
    maxOutstandingPings: 10,
    maxSettings: 32,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    // Behind our own budget, which also knows what a reset has cost us.
    streamResetBurst: 1_000,
    streamResetRate: 100,
    strictFieldWhitespaceValidation: true,
    strictSingleValueFields: false,
  };
}
