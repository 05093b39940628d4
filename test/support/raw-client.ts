/** A client that sends exactly the bytes it is given and keeps exactly the bytes that come back. */

import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Message, readMessage } from './message-reader.ts';
import { createWatch } from './until.ts';

export type Ending = 'closed' | 'reset';

export interface RawClient {
  /** Everything received, latin1. */
  readonly received: () => string;
  /** What was received and not read by `next`. */
  readonly unread: () => string;
  send(bytes: string): void;
  /** One byte per write, with a turn of the event loop after each. */
  trickle(bytes: string): Promise<void>;
  /** Closes the sending side. */
  end(): void;
  reset(): void;
  /** Reads the next response, answering `method`. */
  next(method?: string): Promise<Message>;
  /** Resolves once what was received so far is as asked. */
  until(found: (received: string) => boolean): Promise<true>;
  /** Resolves with how the proxy ended the connection. */
  ended(): Promise<Ending>;
}

/** Resolves once connected; closed when the test ends. */
export function connectRaw(port: number): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const watch = createWatch();
  let received = '';
  let read = 0;
  let ending: Ending | null = null;
  const finish = (how: Ending) => {
    ending ??= how;
    watch.notify();
  };
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    watch.notify();
  });
  socket.on('end', () => finish('closed'));
  socket.on('error', () => finish('reset'));
  socket.on('close', () => finish('closed'));
  onTestFinished(() => void socket.destroy());
  const client: RawClient = {
    received: () => received,
    unread: () => received.slice(read),
    send: (bytes) => void socket.write(bytes, 'latin1'),
    async trickle(bytes) {
      for (const byte of bytes) {
        socket.write(byte, 'latin1');
        await new Promise(setImmediate);
      }
    },
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    next: (method = 'GET') =>
      watch.until(
        () => {
          const message = readMessage(received, read, { kind: 'response', method }, ending === 'closed');
          if (message !== null) read = message.end;
          else if (ending !== null)
            throw new Error(`${ending} inside an answer: ${JSON.stringify(received.slice(read))}`);
          return message;
        },
        () => `no answer, only ${JSON.stringify(received.slice(read))}`,
      ),
    until: (found) =>
      watch.until(
        () => found(received) || null,
        () => `never came, only ${JSON.stringify(received)}`,
      ),
    ended: () =>
      watch.until(
        () => ending,
        () => `still open after ${JSON.stringify(received.slice(-200))}`,
      ),
  };
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(client));
    socket.once('error', reject);
  });
}

/** Sends `bytes` on a connection of its own; resolves with all that came back when the proxy has ended it. */
export async function rawExchange(port: number, bytes: string): Promise<{ received: string; ending: Ending }> {
  const client = await connectRaw(port);
  client.send(bytes);
  const ending = await client.ended();
  return { received: client.received(), ending };
}
