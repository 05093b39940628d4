/**
 * What node:http2 is told about a connection to a backend: settings that the backend sees, and limits below ours. A backend is trusted no
 * more than a client; versions of Node that do not know a limit ignore it.
 */

/** Bytes of one answer that may be on the way to us. */
const STREAM_WINDOW_BYTES = 65_535;

/** The same for all answers on one connection together. */
export const CONNECTION_WINDOW_BYTES = 1_048_576;

export const SESSION_OPTIONS = {
  settings: {
    enablePush: false,
    initialWindowSize: STREAM_WINDOW_BYTES,
    headerTableSize: 4_096,
    // Somewhat above what the parser lets through. RFC 9113 §6.5.2 counts 32 bytes for each field.
    maxHeaderListSize: 73_728,
  },
  maxHeaderListPairs: 256,
  // Listeners may be told to read larger heads than usual; this counts the worst case of their compression.
  maxSendHeaderBlockLength: 262_144,
  maxSessionMemory: 10,
  maxOutstandingPings: 10,
  maxSettings: 32,
  maxSessionInvalidFrames: 100,
};
