/** Clients of TLS listeners: node's own, and `openssl s_client` for what node does not do. */

import { readFileSync } from 'node:fs';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { Authority } from './certificates.ts';
import { createWatch } from './until.ts';

export interface TlsClient {
  readonly socket: TLSSocket;
  readonly received: () => string;
  send(bytes: string): void;
  until(found: (received: string) => boolean): Promise<true>;
  /** Resolves when the connection is over, with the error's code or ''. */
  ended(): Promise<string>;
}

/** Resolves when the handshake is done; rejects with its error. Names of certificates are not compared unless asked for. */
export function connectTls(port: number, authority: Authority, options: ConnectionOptions = {}): Promise<TlsClient> {
  const ca = readFileSync(authority.certFile);
  const socket = connect({ port, host: '127.0.0.1', ca, checkServerIdentity: () => undefined, ...options });
  const watch = createWatch();
  let received = '';
  let ending: string | null = null;
  onTestFinished(() => void socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    watch.notify();
  });
  const client: TlsClient = {
    socket,
    received: () => received,
    send: (bytes) => void socket.write(bytes, 'latin1'),
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
    socket.on('error', (error: NodeJS.ErrnoException) => {
      ending ??= error.code ?? 'error';
      watch.notify();
      reject(error);
    });
    socket.on('close', () => {
      ending ??= '';
      watch.notify();
    });
    socket.once('secureConnect', () => resolve(client));
  });
}

/** The host name that the served certificate is for. */
export function nameOf({ socket }: TlsClient): string {
  return socket.getPeerCertificate().subject.CN as string;
}
