/** A client of HTTP/2 in good faith: Node's own. And a proxy that takes it in cleartext, with a victim to show that it serves on. */

import { connect } from 'node:http2';
import { expect, onTestFinished } from 'vitest';
import { type ProxyConfig, startProxy } from './proxy.ts';
import { type RecordingBackend, type Responder, startRecordingBackend } from './recording-backend.ts';

export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
  readonly trailers: Readonly<Record<string, string | string[] | number | undefined>>;
  readonly informational: readonly number[];
  readonly body: string;
  /** The code that the stream was closed with. */
  readonly code: number;
}

export interface Http2Client {
  request(fields: Record<string, string | string[]>, body?: string | Buffer): Promise<Http2Answer>;
  get(path: string): Promise<Http2Answer>;
  readonly session: ReturnType<typeof connect>;
}

/** A session of its own, closed when the test ends. */
export function connectHttp2(origin: string, options: { ca?: Buffer } = {}): Http2Client {
  const session = connect(origin, options);
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  const request: Http2Client['request'] = (fields, body) =>
    new Promise((resolve, reject) => {
      const stream = session.request(fields, { endStream: body === undefined });
      const chunks: Buffer[] = [];
      let headers: Http2Answer['headers'] = {};
      let trailers: Http2Answer['trailers'] = {};
      const informational: number[] = [];
      let failure: Error | null = null;
      stream.on('headers', (fields) => informational.push(Number(fields[':status'])));
      stream.on('response', (fields) => {
        headers = fields;
      });
      stream.on('trailers', (fields) => {
        trailers = fields;
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', (error) => {
        failure = error;
      });
      stream.on('close', () => {
        const status = Number(headers[':status'] ?? 0);
        if (status === 0 && failure !== null) reject(failure);
        else {
          const text = Buffer.concat(chunks).toString('latin1');
          resolve({ status, headers, trailers, informational, body: text, code: stream.rstCode ?? 0 });
        }
      });
      if (body !== undefined) stream.end(body);
    });
  return { session, request, get: (path) => request({ ':path': path }) };
}

export interface Http2Setting {
  readonly port: number;
  readonly backend: RecordingBackend;
  /** A client on another connection is served now. */
  serves(): Promise<void>;
}

/** A proxy that speaks HTTP/2 in cleartext, before one recording backend. */
export async function startHttp2Proxy(
  { listener, upstream }: Pick<ProxyConfig, 'listener' | 'upstream'> = {},
  respond?: Responder,
): Promise<Http2Setting> {
  const backend = await startRecordingBackend(respond);
  const proxy = await startProxy({
    listener: { cleartext_http2: true, ...listener },
    ...(upstream === undefined ? {} : { upstream }),
    backends: [backend.url],
  });
  return {
    port: proxy.port,
    backend,
    async serves() {
      const client = connectHttp2(`http://127.0.0.1:${proxy.port}`);
      const answer = await client.get('/victim');
      expect([answer.status, answer.body]).toEqual([200, 'GET /victim']);
      client.session.destroy();
    },
  };
}
