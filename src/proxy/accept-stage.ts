/**
 * A connection from its accept to its first request: what must come before HTTP is read and judged here, and then the
 * connection is handed on with its client's address, whether it is secure, and which HTTP it speaks.
 *
 *   [PROXY header] ──► [TLS] ──► HTTP/1 or HTTP/2        any ──► closed (malformed, refused, too slow)
 *                 └──► [first bytes] ──►┘
 *
 * Until then the client has proved nothing, so nothing is answered: a failure just closes. Trust in forwarded headers is
 * judged by the address that the PROXY header gives, as if that client had connected by itself; where the header gives
 * none, nobody is trusted, for nobody knows who it is.
 * Invariant: the socket's errors are owned from the first moment, and each arrival ends exactly once.
 */

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../base/time.ts';
import type { ListenerSettings } from '../model/settings.ts';
import type { ListenerTls } from '../tls/listener-tls.ts';
import { ENDING_IDLE_MS, type SweptConnection } from './client-side.ts';
import type { Peer } from './heads.ts';
import { parseProxyHeader } from './proxy-protocol.ts';

/** What a client of HTTP/2 with prior knowledge sends first (RFC 9113 §3.4). */
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const NOTHING = Buffer.alloc(0);

/** The listener, as an arrival needs it. */
export interface ArrivalContext {
  readonly settings: ListenerSettings;
  readonly clock: Clock;
  /** null = cleartext. */
  readonly tls: ListenerTls | null;
  /** The first bytes tell HTTP/2 by prior knowledge. */
  readonly sniffsHttp2: boolean;
  /** Whether forwarded headers of this client are kept. */
  isTrusted(address: string): boolean;
  /** Something that an operator may have to set right. */
  complainOf(address: string, sentence: string): void;
  /** What comes next on `socket` is HTTP. The arrival is over. */
  onArrived(arrival: Arrival, socket: Socket, peer: Peer, isHttp2: boolean): void;
  /** The connection is gone before that. */
  onClosed(arrival: Arrival): void;
}

export class Arrival implements SweptConnection {
  private readonly socket: Socket;
  private readonly context: ArrivalContext;
  /** How the listener spoke TLS when the handshake began. */
  private tls: ListenerTls | null = null;
  private stage: 'proxy_header' | 'tls' | 'first_bytes' | 'over';
  private address: string;
  private trusted: boolean;
  /** What was read and not consumed. */
  private held: Buffer = NOTHING;
  /** Monotonic milliseconds by which it must have arrived. */
  private deadlineMs: number;

  /** @param address of the connection's own peer; `unknown` for a unix socket */
  constructor(socket: Socket, address: string, context: ArrivalContext) {
    const { settings, clock } = context;
    this.socket = socket;
    this.context = context;
    this.address = address;
    this.trusted = context.isTrusted(address);
    this.stage = settings.proxyProtocol ? 'proxy_header' : 'first_bytes';
    this.deadlineMs = clock.now() + settings.timeouts.handshakeMs;
    socket.on('error', ignore);
    socket.on('close', this.onClose);
  }

  /** Called once, when the listener knows of it. It may have arrived, or be over, when this returns. */
  start(): void {
    if (this.stage === 'proxy_header') this.read();
    else this.begin();
  }

  sweep(nowMs: number): void {
    if (nowMs >= this.deadlineMs) this.destroy();
  }

  drain(): void {
    if (this.stage !== 'first_bytes') return;
    this.deadlineMs = Math.min(this.deadlineMs, this.context.clock.now() + ENDING_IDLE_MS);
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** What follows the PROXY header, or stands first without one. */
  private begin(): void {
    const { tls, sniffsHttp2, settings, clock } = this.context;
    if (tls !== null) {
      this.stage = 'tls';
      this.tls = tls;
      this.putBack();
      tls.accept(this.socket, (socket) => this.arriveSecurely(socket));
    } else if (sniffsHttp2) {
      this.stage = 'first_bytes';
      // A client may connect ahead of its need, as it may between two requests.
      if (this.held.length === 0) this.deadlineMs = clock.now() + settings.timeouts.idleMs;
      this.read();
    } else {
      this.arrive(false);
    }
  }

  private read(): void {
    if (!this.socket.listeners('data').includes(this.onData)) {
      this.socket.on('data', this.onData);
      this.socket.on('end', this.onEnd);
    }
    if (this.held.length > 0) this.look();
  }

  private readonly onData = (chunk: Buffer): void => {
    if (this.held.length === 0 && this.stage === 'first_bytes') {
      this.deadlineMs = this.context.clock.now() + this.context.settings.timeouts.headerMs;
    }
    this.held = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk]);
    this.look();
  };

  private look(): void {
    if (this.stage === 'proxy_header') this.readProxyHeader();
    else if (this.stage === 'first_bytes') this.readFirstBytes();
  }

  private readProxyHeader(): void {
    const header = parseProxyHeader(this.held);
    if (header.kind === 'partial') return;
    if (header.kind === 'malformed') {
      this.context.complainOf(this.address, header.detail);
      this.destroy();
      return;
    }
    this.held = this.held.subarray(header.length);
    this.trusted = header.source !== null && this.context.isTrusted(header.source);
    this.address = header.source ?? this.address;
    this.begin();
  }

  private readFirstBytes(): void {
    const length = Math.min(this.held.length, HTTP2_PREFACE.length);
    const isPreface = this.held.compare(HTTP2_PREFACE, 0, length, 0, length) === 0;
    if (!isPreface || length === HTTP2_PREFACE.length) this.arrive(isPreface);
  }

  private arrive(isHttp2: boolean): void {
    const { socket, address, trusted } = this;
    this.stage = 'over';
    this.putBack();
    socket.off('close', this.onClose);
    this.context.onArrived(this, socket, { address, trusted, secure: false }, isHttp2);
    // The new owner has its own by now.
    socket.off('error', ignore);
  }

  private arriveSecurely(socket: TLSSocket): void {
    if (this.stage === 'over') {
      socket.destroy();
      return;
    }
    const { address, trusted } = this;
    const tls = this.tls as ListenerTls;
    this.stage = 'over';
    this.socket.off('close', this.onClose);
    const peer = { address, trusted, secure: true, ...tls.hostsAllowedOn(socket) };
    this.context.onArrived(this, socket, peer, socket.alpnProtocol === 'h2');
  }

  /** Stops reading, and leaves what was read and not consumed to whoever reads next. */
  private putBack(): void {
    const { socket, held } = this;
    if (!socket.listeners('data').includes(this.onData)) return;
    socket.pause();
    socket.off('data', this.onData);
    socket.off('end', this.onEnd);
    if (held.length > 0) socket.unshift(held);
    this.held = NOTHING;
  }

  private readonly onEnd = (): void => this.destroy();

  private readonly onClose = (): void => {
    this.stage = 'over';
    this.context.onClosed(this);
  };
}

function ignore(): void {}
