/**
 * The seam between an exchange and the client's connection and listener that it came through. An exchange knows heads and
 * payload; how they are framed is the connection's affair, and differs between HTTP/1.1 and HTTP/2.
 */

import type { Clock } from '../base/time.ts';
import type { HeadLimits, RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ListenerSettings } from '../model/settings.ts';
import type { LoggedConnection, LoggedRequest } from './access-log.ts';
import type { Answer } from './answers.ts';
import type { Forwarder } from './forwarder.ts';
import type { Peer } from './heads.ts';
import type { Pressure } from './memory-pressure.ts';
import type { Match } from './router.ts';
import type { TunnelEnd, TunnelSide } from './tunnel.ts';

/** Where connections are to end, an idle one is closed after this: long enough for a request that is already on its way. */
export const ENDING_IDLE_MS = 1_000;

/** The client, as one exchange uses it. What is sent is gathered until `flush`. */
export interface ClientSide {
  readonly peer: Peer;
  /** The request's body comes without framing of its own, and ends by `Exchange.endBody` (HTTP/2). */
  readonly bodyIsRaw: boolean;
  /** `100 Continue`: the body may come. */
  sendContinue(): void;
  /** Informational, and not 100; dropped for clients that know none. */
  sendInformational(head: ResponseHead): void;
  /** Begins the answer. */
  sendHead(head: ResponseHead): void;
  /** Payload of the answer; copies what it keeps. */
  sendData(chunk: Buffer, start: number, end: number): void;
  /** @param trailers field lines, each ending in CRLF; '' = none. Dropped for clients that know none. */
  sendEnd(trailers: string): void;
  /** False when the client does not keep up; `Exchange.onClientDrain` follows. */
  flush(): boolean;
  /** Answers by ourselves, whole, and ends the exchange. */
  answer(answer: Answer): void;
  /** Asks for (more of) the request's body. */
  wantBody(): void;
  /** The exchange is over, the answer was sent whole. */
  finish(): void;
  /** The answer cannot be completed: the client must see that it was cut short. */
  cut(): void;
  /**
   * Grants the upgrade that the request asked for, and hands the connection to a tunnel: its events go to `side` from now on,
   * and `wantBody` begins the reading. Only clients whose heads can have an `upgrade` need it.
   * @param head the backend's 101
   */
  openTunnel?(head: ResponseHead, side: TunnelSide): TunnelEnd;
  /** The tunnel is over, both ends are closed, and so is the exchange. */
  endTunnel?(whole: boolean): void;
}

/** What an exchange needs of the listener it came through. */
export interface ExchangeContext {
  readonly clock: Clock;
  /** Pseudonym in `via`. */
  readonly via: string;
  /** Largest request body; null = unlimited. */
  readonly bodyBytes: number | null;
  /** Monotonic milliseconds at which everything open is closed; Infinity = no end is set. */
  readonly drainUntilMs: number;
  /** How short memory is. */
  readonly pressure: Pressure;
  route(head: RequestHead): Match<Forwarder>;
}

/** What a connection needs of its listener. */
export interface ConnectionContext extends ExchangeContext {
  readonly settings: ListenerSettings;
  readonly headLimits: HeadLimits;
  /** Connections end with their answers, which say `connection: close`; idle ones end soon. */
  readonly endsConnections: boolean;
  /** Current value of the Date header. */
  date(): string;
  nextRequestId(): string;
  /**
   * A request is over: it is counted and logged. Returns the time, which is costly to ask for twice.
   * @param bytes sent to the client, heads included
   */
  record(request: LoggedRequest, peer: Peer, bytes: number, whole: boolean): number;
  /** The same for a connection that was tunnelled as it came, or was to be. */
  recordTunnel(connection: LoggedConnection, peer: Peer, bytes: number, whole: boolean, detail: string): void;
  /** Bytes were answered that never became a request. */
  recordRefusal(peer: Peer, answer: Answer, requestId: string, detail: string): void;
  /** The connection is gone. */
  onClosed(connection: SweptConnection): void;
}

/** A connection as its listener keeps it. */
export interface SweptConnection {
  sweep(nowMs: number): void;
  drain(): void;
  destroy(): void;
}
