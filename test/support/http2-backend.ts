/** An HTTP/2 backend that records what it is sent, and does what a test tells it with each stream. */

import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { createWatch } from './until.ts';

export interface RecordedStream {
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly list: readonly string[];
  /** The backend's connections are numbered from 0. */
  readonly session: number;
  /** latin1 */
  body: string;
  ended: boolean;
  trailers: IncomingHttpHeaders | null;
  /** Error code with which the stream was closed; null = it is open. */
  closedWith: number | null;
}

export interface Http2Backend {
  readonly origin: string;
  readonly streams: readonly RecordedStream[];
  readonly sessions: readonly ServerHttp2Session[];
  /** Resolves with the first value of `look` that is not null. */
  until<T>(look: () => T | null): Promise<T>;
  close(): void;
}

export type OnStream = (stream: ServerHttp2Stream, recorded: RecordedStream) => void;

/** Answers `200`, and the body `ok`. */
export const answerOk: OnStream = (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'text/plain' });
  stream.end('ok');
};

/** @param options with a certificate: over TLS */
export async function startHttp2Backend(
  onStream: OnStream = answerOk,
  options: SecureServerOptions = {},
  onSession: (session: ServerHttp2Session) => void = () => {},
): Promise<Http2Backend> {
  const watch = createWatch();
  const streams: RecordedStream[] = [];
  const sessions: ServerHttp2Session[] = [];
  const server = options.cert === undefined ? createServer(options) : createSecureServer(options);
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => {});
    onSession(session);
    watch.notify();
  });
  server.on('sessionError', () => {});
  // Node hands over the list as it came, too.
  server.on('stream', (stream, headers, _flags, ...[list]: string[][]) => {
    const recorded: RecordedStream = {
      headers,
      list: list as string[],
      session: sessions.indexOf(stream.session as ServerHttp2Session),
      body: '',
      ended: false,
      trailers: null,
      closedWith: null,
    };
    streams.push(recorded);
    stream.on('data', (chunk: Buffer) => {
      recorded.body += chunk.toString('latin1');
      watch.notify();
    });
    stream.on('end', () => {
      recorded.ended = true;
      watch.notify();
    });
    stream.on('trailers', (trailers) => {
      recorded.trailers = trailers;
    });
    stream.on('error', () => {});
    stream.on('close', () => {
      recorded.closedWith = stream.rstCode ?? 0;
      watch.notify();
    });
    onStream(stream, recorded);
    watch.notify();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.close();
    for (const session of sessions) session.destroy();
  };
  onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${options.cert === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    streams,
    sessions,
    until: (look) => watch.until(look, () => `the backend saw ${JSON.stringify(streams)}`),
    close,
  };
}
