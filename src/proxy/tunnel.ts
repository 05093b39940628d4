/**
 * Bytes between a client and a backend, unread, in both directions, once nothing is left to decide about them: WebSocket after
 * its handshake, and TCP. It owns when to stop: at an end of either side, after silence, after a whole life, at the drain deadline.
 *
 *   open ──► half closed ──► closing ──► over         open, half closed ──► over (a side broke off: the other is reset)
 *     └── idle, too old, draining ──►┘
 *
 * Each side is written to only as fast as it reads: what it has not taken stops the reading on the other side.
 * Invariant: an end that was not orderly is never passed on as one that was, and the owner hears of the end exactly once.
 */

import { randomBytes } from 'node:crypto';
import { closeFrame, FrameCursor } from '../http1/websocket-frames.ts';
import type { UpstreamTimeouts } from '../model/settings.ts';

/** One end of a tunnel: a stream of bytes that can be closed in each direction by itself. */
export interface TunnelEnd {
  /** Takes bytes; copies what it keeps. */
  sendData(chunk: Buffer, start: number, end: number): void;
  /** Hands what was taken to the kernel. False when it does not keep up: `TunnelSide.onDrain` follows. */
  flush(): boolean;
  /** Reads on, after `TunnelSide.onBytes` has said false. */
  resume(): void;
  /** Closes our side behind what was sent; its own bytes are still read. */
  close(): void;
  /** Closes at once, and visibly broken off. */
  reset(): void;
}

export interface TunnelOptions {
  readonly timeouts: Pick<UpstreamTimeouts, 'tunnelIdleMs' | 'tunnelMs'>;
  /** What flows are WebSocket frames: a tunnel that we must close says so in a frame of its own, where one may stand. */
  readonly isWebSocket: boolean;
  readonly nowMs: number;
  /**
   * It is over, and both ends are closed.
   * @param whole both sides closed in order
   * @param detail why not, or why we closed it; '' when the sides ended it themselves
   */
  readonly onOver: (whole: boolean, detail: string) => void;
}

/** When one side has closed, the other's last words are waited for as long as they keep coming at least this often. */
const HALF_CLOSED_IDLE_MS = 30_000;

/** Both sides were told to close: for so long their answers are discarded rather than reset. */
const CLOSING_MS = 1_000;

/** What an end reports to. */
export class TunnelSide {
  /** Bytes that came from this side. */
  bytes = 0;
  /** It has closed its direction. */
  hasEnded = false;
  isGone = false;
  end: TunnelEnd | null = null;
  peer: TunnelSide = this;
  private readonly tunnel: Tunnel;
  private readonly cursor: FrameCursor | null;
  private isPaused = false;

  constructor(tunnel: Tunnel, isWebSocket: boolean) {
    this.tunnel = tunnel;
    this.cursor = isWebSocket ? new FrameCursor() : null;
  }

  /** `chunk[start, end)` is valid only during the call. False stops reading until `TunnelEnd.resume()`. */
  onBytes(chunk: Buffer, start: number, end: number): boolean {
    const { tunnel, peer } = this;
    if (tunnel.isClosing) return true;
    tunnel.hasMoved = true;
    this.bytes += end - start;
    this.cursor?.follow(chunk, start, end);
    const to = peer.end as TunnelEnd;
    to.sendData(chunk, start, end);
    if (to.flush()) return true;
    this.isPaused = true;
    return false;
  }

  /** This side takes bytes again. */
  onDrain(): void {
    this.tunnel.hasMoved = true;
    this.peer.unpause();
  }

  /** This side has sent all it will. */
  onEnd(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.tunnel.onSideEnded(this);
  }

  /** @param detail why, for people; '' after an orderly end of both directions */
  onGone(detail: string): void {
    if (this.isGone) return;
    this.isGone = true;
    this.tunnel.onSideGone(this, detail);
  }

  unpause(): void {
    if (!this.isPaused || this.isGone) return;
    this.isPaused = false;
    this.end?.resume();
  }

  /** Nothing more is sent to this side. @param mask of a frame to a server */
  dismiss(mask: Uint8Array | null): void {
    const { end, peer } = this;
    if (this.isGone || end === null) return;
    if (!peer.hasEnded) {
      if (peer.cursor?.isBetweenFrames === true) {
        const frame = closeFrame(mask);
        end.sendData(frame, 0, frame.length);
        end.flush();
      }
      end.close();
    }
    this.unpause();
  }
}

export class Tunnel {
  readonly client: TunnelSide;
  readonly backend: TunnelSide;
  /** Nothing flows any more; the sides' own ends are waited for. */
  isClosing = false;
  /** Something has flowed since the last sweep. */
  hasMoved = true;
  private readonly options: TunnelOptions;
  private idleMs: number;
  private idleUntilMs = Infinity;
  private readonly lifeUntilMs: number;
  private closeUntilMs = Infinity;
  private isOver = false;
  private detail = '';

  constructor(options: TunnelOptions) {
    const { timeouts, isWebSocket, nowMs } = options;
    this.options = options;
    this.idleMs = timeouts.tunnelIdleMs;
    this.lifeUntilMs = timeouts.tunnelMs === null ? Infinity : nowMs + timeouts.tunnelMs;
    this.client = new TunnelSide(this, isWebSocket);
    this.backend = new TunnelSide(this, isWebSocket);
    this.client.peer = this.backend;
    this.backend.peer = this.client;
  }

  /** Before any byte is reported. */
  open(client: TunnelEnd, backend: TunnelEnd): void {
    this.client.end = client;
    this.backend.end = backend;
  }

  /** @param drainUntilMs it may last until then at most, and is closed in order; Infinity = no end is set */
  sweep(nowMs: number, drainUntilMs: number): void {
    if (this.hasMoved) {
      this.hasMoved = false;
      this.idleUntilMs = nowMs + this.idleMs;
    }
    if (this.isClosing) {
      // The wait begins with the first sweep behind what began it: whoever ends a side does not look at the clock.
      if (this.closeUntilMs === Infinity) this.closeUntilMs = nowMs + this.closeMs;
      else if (nowMs >= this.closeUntilMs) this.cut('a side did not close');
    } else if (nowMs >= drainUntilMs - CLOSING_MS) {
      this.close('the proxy stops');
    } else if (nowMs >= this.lifeUntilMs) {
      this.close('the tunnel has reached its greatest age');
    } else if (nowMs >= this.idleUntilMs) {
      this.close('nothing came through the tunnel');
    }
  }

  /** Ends both sides at once. */
  cut(detail: string): void {
    for (const side of [this.client, this.backend]) {
      if (!side.isGone) side.end?.reset();
      side.isGone = true;
    }
    this.finish(false, detail);
  }

  onSideEnded(side: TunnelSide): void {
    this.hasMoved = true;
    this.idleMs = Math.min(this.idleMs, HALF_CLOSED_IDLE_MS);
    if (this.isClosing) return;
    if (side.peer.hasEnded) this.isClosing = true;
    if (!side.peer.isGone) side.peer.end?.close();
  }

  onSideGone(side: TunnelSide, detail: string): void {
    if (side.peer.isGone) this.finish(this.isClosing, this.detail);
    else if (!this.isClosing) this.cut(side === this.client ? 'the client left' : `the backend broke off: ${detail}`);
  }

  /** Both directions were ended by the sides themselves: what they were sent may take its time. */
  private get closeMs(): number {
    return this.detail === '' ? HALF_CLOSED_IDLE_MS : CLOSING_MS;
  }

  private close(detail: string): void {
    this.isClosing = true;
    this.detail = detail;
    this.client.dismiss(null);
    this.backend.dismiss(this.options.isWebSocket ? randomBytes(4) : null);
  }

  private finish(whole: boolean, detail: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.options.onOver(whole, detail);
  }
}
