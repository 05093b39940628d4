/**
 * The events of a stream of node:http2 towards a backend, in the form in which an attempt wants them. Listeners are shared by all
 * streams and find their attempt by a property of the stream: no closure per request.
 */

import { type ClientHttp2Stream, constants } from 'node:http2';
import { addAbortSignal, Duplex } from 'node:stream';

const { NGHTTP2_FLAG_END_STREAM } = constants;

/** Who uses a stream. Lists are names and values in turn, as they came. */
export interface StreamListener {
  /** An informational head. */
  onHeaders(list: readonly string[]): void;
  /** @param ended nothing follows */
  onResponse(list: readonly string[], ended: boolean): void;
  onTrailers(list: readonly string[]): void;
  onData(chunk: Buffer): void;
  /** The backend has ended the stream in good order; what came before may not have been read yet. */
  onEndReceived(): void;
  /** Everything has been read, and nothing follows, for whatever reason. */
  onEnd(): void;
  onError(error: NodeJS.ErrnoException): void;
  onDrain(): void;
  onClose(): void;
}

const LISTENER = Symbol('listener');

/** A stream that knows who uses it. */
type OwnedStream = ClientHttp2Stream & { [LISTENER]?: StreamListener };

/** Data are held until `readFrom`: what comes earlier waits for its head. */
export function listenTo(stream: OwnedStream, listener: StreamListener): void {
  stream[LISTENER] = listener;
  stream.push = pushWatched;
  stream.on('response', onResponse).on('headers', onHeaders).on('trailers', onTrailers);
  stream.on('error', onError).on('close', onClose).on('drain', onDrain);
}

export function readFrom(stream: ClientHttp2Stream): void {
  stream.on('data', onData).on('end', onEnd);
}

const CANCELLED = AbortSignal.abort();

/**
 * Resets a stream that nobody wants any more (CANCEL). Never `close(code)`: that ends the body first, in good order, and a request cut
 * short would look whole to its backend.
 */
export function cancelStream(stream: ClientHttp2Stream): void {
  addAbortSignal(CANCELLED, stream);
}

/**
 * In place of `push` of a stream. An end that was received is pushed before the stream closes, one that stands for a reset behind
 * that (RST_STREAM with NO_ERROR would look like a whole answer otherwise).
 */
function pushWatched(this: OwnedStream, chunk: unknown, encoding?: BufferEncoding): boolean {
  const isEnd = chunk === null && !this.closed;
  const more = Duplex.prototype.push.call(this, chunk, encoding);
  if (isEnd) this[LISTENER]?.onEndReceived();
  return more;
}

function onResponse(this: OwnedStream, _fields: object, flags: number, ...[list]: (readonly string[])[]): void {
  this[LISTENER]?.onResponse(list as readonly string[], (flags & NGHTTP2_FLAG_END_STREAM) !== 0);
}

function onHeaders(this: OwnedStream, _fields: object, _flags: number, ...[list]: (readonly string[])[]): void {
  this[LISTENER]?.onHeaders(list as readonly string[]);
}

function onTrailers(this: OwnedStream, _fields: object, _flags: number, ...[list]: (readonly string[])[]): void {
  this[LISTENER]?.onTrailers(list as readonly string[]);
}

function onData(this: OwnedStream, chunk: Buffer): void {
  this[LISTENER]?.onData(chunk);
}

function onEnd(this: OwnedStream): void {
  this[LISTENER]?.onEnd();
}

function onError(this: OwnedStream, error: Error): void {
  this[LISTENER]?.onError(error);
}

function onDrain(this: OwnedStream): void {
  this[LISTENER]?.onDrain();
}

function onClose(this: OwnedStream): void {
  this[LISTENER]?.onClose();
}
