/** The seam between an exchange and the connection and listener that it came through. */

import type { Clock } from '../base/time.ts';
import type { HeadLimits, RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ListenerSettings } from '../model/settings.ts';
import type { AccessLog } from './access-log.ts';
import type { Answer } from './answers.ts';
import type { Forwarder } from './forwarder.ts';
import type { ClientFraming, Peer } from './heads.ts';
import type { Match } from './router.ts';

/** The client's connection, as its exchange uses it. */
export interface ClientSide {
  readonly peer: Peer;
  /** Adds to what the next `flush` sends; latin1. */
  addText(text: string): void;
  addBytes(chunk: Buffer, start: number, end: number): void;
  /** False when the client does not keep up; `Exchange.onClientDrain` follows. */
  flush(): boolean;
  /** Begins the answer: writes its head. */
  addResponseHead(head: ResponseHead, framing: ClientFraming): void;
  /** Answers by ourselves, whole. */
  answer(answer: Answer): void;
  /** Asks for (more of) the request's body. */
  wantBody(): void;
  /** The exchange is over; a `whole` one leaves the connection in step with the client. */
  finish(whole: boolean): void;
  /** The answer cannot be completed: the client must see that it was cut short. */
  cut(): void;
}

/** What an exchange needs of the listener it came through. */
export interface ExchangeContext {
  readonly clock: Clock;
  /** Pseudonym in `via`. */
  readonly via: string;
  /** Largest request body; null = unlimited. */
  readonly bodyBytes: number | null;
  route(head: RequestHead): Match<Forwarder>;
}

/** What a connection needs of its listener. */
export interface ConnectionContext extends ExchangeContext {
  readonly settings: ListenerSettings;
  readonly headLimits: HeadLimits;
  readonly accessLog: AccessLog | null;
  /** No new requests are wanted: answers say `connection: close`. */
  readonly draining: boolean;
  /** Current value of the Date header. */
  date(): string;
  nextRequestId(): string;
  /** The connection is gone. */
  onClosed(connection: SweptConnection): void;
}

/** A connection as its listener keeps it. */
export interface SweptConnection {
  sweep(nowMs: number): void;
  drain(): void;
  destroy(): void;
}
