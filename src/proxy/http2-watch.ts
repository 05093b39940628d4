/**
 * Sees from outside what a session of node:http2 keeps to itself: a head that begins and never ends, frames that are of no use to
 * anybody, and a session that is dead: its client gone without a word, or ended inside nghttp2 by a frame of which Node hears
 * nothing (DATA behind the end of a stream; Node 20 and 24), when reading stops for good.
 *
 * It judges by byte counts, by the session's own figures, and by a PING now and then, which a live client answers at once.
 */

import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

/** Bytes that may come without being of use, before those are weighed against the rest; above the connection's window. */
const OVERHEAD_BYTES = 4_194_304;

/** Bytes that each byte we sent allows the client: it acknowledges frames and widens its windows. */
const ALLOWED_PER_SENT = 2;

export type Trouble = 'too many frames of no use' | 'a request head took too long' | 'the client does not answer';

export class Http2Watch {
  private readonly session: ServerHttp2Session;
  private readonly socket: Socket;
  private readonly headerMs: number;
  private readonly idleMs: number;
  /** Bytes of requests. */
  private usefulBytes = 0;
  /** Bytes read, and since when it is these. */
  private bytesSeen = 0;
  private seenMs = Infinity;
  /** Highest stream that became a request, or is known to be over. */
  private settledId = 0;
  /** A stream beyond that, and since when; Infinity = there is none. */
  private pendingId = 0;
  private pendingSinceMs = Infinity;
  private asking = false;

  /**
   * @param headerMs from the beginning of a head to its end
   * @param idleMs silence while requests are under way
   */
  constructor(session: ServerHttp2Session, socket: Socket, headerMs: number, idleMs: number) {
    this.session = session;
    this.socket = socket;
    this.headerMs = headerMs;
    this.idleMs = idleMs;
  }

  onUseful(bytes: number): void {
    this.usefulBytes += bytes;
  }

  onStream(id: number): void {
    if (id > this.settledId) this.settledId = id;
  }

  /**
   * What is wrong; null = nothing.
   * @param busy requests are under way; without them the connection has a deadline anyway
   */
  look(nowMs: number, busy: boolean): Trouble | null {
    const { bytesRead } = this.socket;
    const hasCome = bytesRead !== this.bytesSeen;
    if (hasCome || !busy) {
      this.bytesSeen = bytesRead;
      this.seenMs = nowMs;
    } else if (nowMs - this.seenMs >= this.idleMs) {
      return 'the client does not answer';
    } else if (nowMs - this.seenMs >= this.idleMs / 2) {
      this.ask();
    }
    return hasCome || this.pendingSinceMs !== Infinity ? this.lookAtBytes(nowMs) : null;
  }

  private lookAtBytes(nowMs: number): Trouble | null {
    const { bytesRead, bytesWritten } = this.socket;
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
    } else if (nowMs - this.pendingSinceMs >= this.headerMs / 2) {
      // The head has not ended, or was malformed: no frame comes in the midst of a head, so an answer to PING tells.
      this.ask();
    }
    return null;
  }

  private ask(): void {
    if (this.asking) return;
    const { pendingId } = this;
    this.asking = true;
    this.session.ping((error) => {
      this.asking = false;
      if (error === null) this.onStream(pendingId);
    });
  }
}
