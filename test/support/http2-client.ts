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
export function connectHttp2(origin: string, options: { ca?: Buffer; servername?: string } = {}): Http2Client {
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
  /**
   * Lets a client in good faith ask, one request after the other on a connection of its own, as long as `attack` lasts and once
   * more; all of it must be answered. Then the proxy stops, which it does only when no connection is left.
   */
  withstands(attack: () => Promise<void>): Promise<void>;
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
    drain: { delay: '0s', timeout: '30s' },
  });
  const origin = `http://127.0.0.1:${proxy.port}`;
  return {
    port: proxy.port,
    backend,
    async serves() {
      const client = connectHttp2(origin);
      const answer = await client.get('/victim');
      expect([answer.status, answer.body]).toEqual([200, 'GET /victim']);
      client.session.destroy();
    },
    async withstands(attack) {
      const victim = connectHttp2(origin);
      let lasts = true;
      const asking = (async () => {
        for (let again = true; again; ) {
          again = lasts;
          const answer = await victim.get('/victim');
          expect([answer.status, answer.body]).toEqual([200, 'GET /victim']);
          await new Promise(setImmediate);
        }
      })();
      // Whoever fails first is heard.
      await Promise.race([attack(), asking.then(() => Promise.reject(new Error('the victim stopped asking')))]);
      lasts = false;
      await asking;
      victim.session.destroy();
      const begun = performance.now();
      proxy.app.stop();
      expect(await proxy.app.exited).toBe(0);
      // At the deadline of the stop, whatever is left is destroyed.
      expect(performance.now() - begun).toBeLessThan(15_000);
    },
  };
}
