/** WebSocket servers and clients (package ws), and handshakes by hand for byte scripts. All end with the test. */

import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import { createWatch, type Watch } from './until.ts';

export interface EchoServer {
  readonly port: number;
  readonly url: string;
  readonly server: WebSocketServer;
  readonly watch: Watch;
  /** Close code of each connection that is over, in the order of their ends. */
  readonly closes: readonly number[];
}

/** Sends every message back as it came, in text or binary. */
export async function startEchoServer(options: ServerOptions = {}): Promise<EchoServer> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  const watch = createWatch();
  const closes: number[] = [];
  server.on('connection', (socket) => {
    watch.notify();
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => {});
    socket.on('close', (code) => {
      closes.push(code);
      watch.notify();
    });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP port');
  return { port: address.port, url: `http://127.0.0.1:${address.port}`, server, watch, closes };
}

export interface WsClient {
  readonly socket: WebSocket;
  /** Messages received, oldest first. */
  readonly messages: readonly (Buffer | string)[];
  readonly watch: Watch;
  /** Resolves with the next message that `nextMessage` has not returned. */
  nextMessage(): Promise<Buffer | string>;
  /** Close code. */
  closed(): Promise<number>;
}

/** Resolves once the handshake is done; rejects with what the answer was when it fails. */
export async function connectWs(
  port: number,
  options: ClientOptions = {},
  protocols: string[] = [],
): Promise<WsClient> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols, options);
  const messages: (Buffer | string)[] = [];
  const watch = createWatch();
  let read = 0;
  let code: number | null = null;
  socket.on('message', (data, isBinary) => {
    messages.push(isBinary ? (data as Buffer) : data.toString());
    watch.notify();
  });
  socket.on('close', (closeCode) => {
    code = closeCode;
    watch.notify();
  });
  onTestFinished(() => socket.terminate());
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return {
    socket,
    messages,
    watch,
    nextMessage: () =>
      watch.until(
        () => (messages.length > read ? (messages[read++] as Buffer | string) : null),
        () => `no message; closed with ${code}`,
      ),
    closed: () =>
      watch.until(
        () => code,
        () => 'still open',
      ),
  };
}

/** The example of RFC 6455 §1.3. */
export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** The proof that belongs to a key. */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** A request for a WebSocket; a header given as null is left out. */
export function handshake(
  headers: Readonly<Record<string, string | null>> = {},
  startLine = 'GET /chat HTTP/1.1',
): string {
  const all: Record<string, string | null> = {
    Host: 'a.example',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null);
  return `${startLine}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** The answer that grants it; a header given as null is left out. */
export function granted(headers: Readonly<Record<string, string | null>> = {}): string {
  const all: Record<string, string | null> = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': acceptOf(KEY),
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null);
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}
