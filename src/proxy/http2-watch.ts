/**
 * Sees from outside what a session of node:http2 keeps to itself: a head that begins and never ends, and frames that are of no
 * use to anybody. It judges by byte counts and by the session's own figures, once per sweep in which something has come.
 */

import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

/** Bytes that may come without being of use, before those are weighed against the rest; above the connection's window. */
const OVERHEAD_BYTES = 4_194_304;

/** Bytes that each byte we sent allows the client: it acknowledges frames and widens its windows. */
const ALLOWED_PER_SENT = 2;

export class Http2Watch {
  private readonly session: ServerHttp2Session;
  private readonly socket: Socket;
  private readonly headerMs: number;
  /** Bytes of requests. */
  private usefulBytes = 0;
  private bytesSeen = 0;
  /** Highest stream that became a request, or is known to be over. */
  private settledId = 0;
  /** A stream beyond that, and since when; Infinity = there is none. */
  private pendingId = 0;
  private pendingSinceMs = Infinity;
  private asking = false;

  constructor(session: ServerHttp2Session, socket: Socket, headerMs: number) {
    this.session = session;
    this.socket = socket;
    this.headerMs = headerMs;
  }

  onUseful(bytes: number): void {
    this.usefulBytes += bytes;
  }

  onStream(id: number): void {
    if (id > this.settledId) this.settledId = id;
  }

  /** What is wrong, or ''. */
  look(nowMs: number): '' | 'too many frames of no use' | 'a request head took too long' {
    const { bytesRead, bytesWritten } = this.socket;
    if (bytesRead === this.bytesSeen && this.pendingSinceMs === Infinity) return '';
    this.bytesSeen = bytesRead;
    const allowed = OVERHEAD_BYTES + this.usefulBytes + ALLOWED_PER_SENT * bytesWritten;
    if (bytesRead > allowed) return 'too many frames of no use';
    const { lastProcStreamID: begunId = 0 } = this.session.state;
    if (begunId <= this.settledId) {
      this.pendingSinceMs = Infinity;
    } else if (begunId !== this.pendingId) {
      this.pendingId = begunId;
      this.pendingSinceMs = nowMs;
    } else if (nowMs - this.pendingSinceMs >= this.headerMs) {
      return 'a request head took too long';
    } else if (nowMs - this.pendingSinceMs >= this.headerMs / 2 && !this.asking) {
      this.ask();
    }
    return '';
  }

  /** The head has not ended, or was malformed. No frame comes in the midst of a head, so an answer to PING tells. */
  private ask(): void {
    const { pendingId } = this;
    this.asking = true;
    this.session.ping((error) => {
      this.asking = false;
      if (error === null) this.onStream(pendingId);
    });
  }
}
