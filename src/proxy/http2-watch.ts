/**
 * Sees from outside what a session of node:http2 keeps to itself: a head that begins and never ends, frames that are of no use to
 * anybody, and a session that is dead: its client gone without a word, or ended inside nghttp2 by a frame of which Node hears
 * nothing, when reading stops for good (DATA behind the end of a stream, a head that is no HPACK; Node 20 and 24).
 *
 * It judges by byte counts, by the session's own figures, and by a PING whenever a client has fallen silent.
 */

import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { ListenerTimeouts } from '../model/settings.ts';

/** Bytes that may come without being of use, before those are weighed against the rest; above the connection's window. */
const OVERHEAD_BYTES = 4_194_304;

/** Bytes that each byte we sent allows the client: it acknowledges frames and widens its windows. */
const ALLOWED_PER_SENT = 2;

/** After this the client is asked whether it is there: once, and after that it may be silent. */
const SILENCE_MS = 1_000;

export type Trouble = 'too many frames of no use' | 'a request head took too long' | 'the client does not answer';

export class Http2Watch {
  private readonly session: ServerHttp2Session;
  private readonly socket: Socket;
  private readonly headerMs: number;
  private readonly idleMs: number;
  private readonly stallMs: number;
  /** Bytes of requests. */
  private usefulBytes = 0;
  /** Bytes read, and since when it is these. */
  private bytesSeen = 0;
  private seenMs = 0;
  /** The client has answered since. */
  private isAlive = false;
  /** Highest stream that became a request, or is known to be over. */
  private settledId = 0;
  /** A stream beyond that, and since when; Infinity = there is none. */
  private pendingId = 0;
  private pendingSinceMs = Infinity;
  /** Since when a PING is on its way; Infinity = none is. */
  private askedMs = Infinity;
  /** Its answer was due at the last look. */
  private isOverdue = false;

  /**
   * `headerMs`: from the beginning of a head to its end, and from a PING to its answer; `writeStallMs`: the latter while requests
   * are under way; `idleMs`: twice the silence after which the client is asked again then.
   */
  constructor(session: ServerHttp2Session, socket: Socket, { headerMs, idleMs, writeStallMs }: ListenerTimeouts) {
    this.session = session;
    this.socket = socket;
    this.headerMs = headerMs;
    this.idleMs = idleMs;
    this.stallMs = writeStallMs;
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
    if (hasCome) {
      this.bytesSeen = bytesRead;
      this.seenMs = nowMs;
      this.isAlive = false;
    }
    const silentMs = nowMs - this.seenMs;
    // With answers under way, a PING may have to wait behind what the client does not read.
    const answerMs = busy ? this.stallMs : this.headerMs;
    if (silentMs < answerMs || nowMs - this.askedMs < answerMs) this.isOverdue = false;
    else if (this.isOverdue) return 'the client does not answer';
    // Not at once: the answer may have come while we could not read.
    else this.isOverdue = true;
    if (this.isAlive ? busy && silentMs >= this.idleMs / 2 : silentMs >= SILENCE_MS) this.ask(nowMs);
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
      this.ask(nowMs);
    }
    return null;
  }

  private ask(nowMs: number): void {
    if (this.askedMs !== Infinity) return;
    const { pendingId } = this;
    this.askedMs = nowMs;
    this.session.ping((error) => {
      this.askedMs = Infinity;
      if (error !== null) return;
      this.isAlive = true;
      this.bytesSeen = this.socket.bytesRead;
      this.seenMs = Math.max(this.seenMs, nowMs);
      this.onStream(pendingId);
    });
  }
}
