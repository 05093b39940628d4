/**
 * A backend on node:net that keeps every byte it receives, per connection, and lets a test decide what it answers.
 * Requests are told apart by the independent reader; bytes that it cannot read are kept as `violations`.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Message, readMessage } from './message-reader.ts';
import { createWatch, type Watch } from './until.ts';

export interface RecordedConnection {
  /** Everything received, latin1. */
  received: string;
  /** How much of it a test has accounted for. */
  accounted: number;
  /** Where the next request begins. */
  parsed: number;
  /** The proxy has ended or reset it. */
  gone: boolean;
  readonly socket: Socket;
}

export interface RecordedRequest extends Message {
  readonly connection: RecordedConnection;
}

/** Called for every complete request. */
export type Responder = (request: RecordedRequest) => void;

export interface RecordingBackend {
  readonly port: number;
  readonly url: string;
  readonly connections: readonly RecordedConnection[];
  readonly requests: readonly RecordedRequest[];
  readonly violations: readonly string[];
  readonly watch: Watch;
  respond: Responder;
}

/** Resolves once it listens; closed when the test ends. */
export async function startRecordingBackend(respond: Responder = echo): Promise<RecordingBackend> {
  const connections: RecordedConnection[] = [];
  const requests: RecordedRequest[] = [];
  const violations: string[] = [];
  const watch = createWatch();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection: RecordedConnection = { received: '', accounted: 0, parsed: 0, gone: false, socket };
    connections.push(connection);
    socket.on('data', (chunk: Buffer) => {
      connection.received += chunk.toString('latin1');
      take(connection);
      watch.notify();
    });
    const leave = () => {
      connection.gone = true;
      watch.notify();
    };
    socket.on('end', leave).on('close', leave).on('error', leave);
  });
  function take(connection: RecordedConnection): void {
    try {
      for (;;) {
        const message = readMessage(connection.received, connection.parsed, { kind: 'request' }, false);
        if (message === null) return;
        connection.parsed = message.end;
        const request = { ...message, connection };
        requests.push(request);
        backend.respond(request);
      }
    } catch (error) {
      violations.push(String(error));
    }
  }
  const port = await listen(server);
  onTestFinished(() => {
    for (const { socket } of connections) socket.destroy();
    server.close();
  });
  const url = `http://127.0.0.1:${port}`;
  const backend: RecordingBackend = { port, url, connections, requests, violations, watch, respond };
  return backend;
}

/** Answers with the method and target it was asked for, so that an answer tells whose it is. */
export function echo({ startLine, connection }: RecordedRequest): void {
  const [method = '', target = ''] = startLine.split(' ');
  const body = `${method} ${target}`;
  const head = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n`;
  connection.socket.write(method === 'HEAD' ? head : head + body, 'latin1');
}

/** Leaves the answer to the test. */
export function silent(): void {}

export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('not a TCP port');
      resolve(address.port);
    });
  });
}
