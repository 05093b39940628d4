/** WebSocket with TLS on both sides: the bytes of a tunnel, its backpressure and its end. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import { contentOf, createAuthority, hasOpenssl } from '../support/certificates.ts';
import { startProxy } from '../support/proxy.ts';

async function start() {
  const authority = createAuthority();
  const server = createServer(contentOf(authority.issue('b', { names: ['IP:127.0.0.1'] })));
  const sockets = new WebSocketServer({ server, maxPayload: 64 * 1_048_576 });
  const codes: number[] = [];
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('close', (code) => codes.push(code));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  const { certFile, keyFile } = authority.issue('a.example');
  const { port } = await startProxy({
    backends: [],
    listener: { tls: { cert_file: certFile, key_file: keyFile } },
    upstream: {
      backends: [{ id: 'b', url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` }],
      tls: { ca_file: authority.certFile },
    },
  });
  const options: ClientOptions & { servername: string } = {
    ca: readFileSync(authority.certFile),
    servername: 'a.example',
    maxPayload: 64 * 1_048_576,
  };
  const client = new WebSocket(`wss://127.0.0.1:${port}/`, options);
  onTestFinished(() => client.terminate());
  await once(client, 'open');
  return { client, sockets, codes };
}

describe.skipIf(!hasOpenssl)('a WebSocket over TLS to a backend over TLS', () => {
  it('carries messages of any size, and closes in order', async () => {
    const { client, codes } = await start();
    for (const bytes of [0, 1, 125, 65_536, 16 * 1_048_576]) {
      const sent = randomBytes(bytes);
      client.send(sent);
      const [received] = (await once(client, 'message')) as [Buffer];
      expect(received.equals(sent), `${bytes} bytes`).toBe(true);
    }
    client.close(4_001);
    const [code] = await once(client, 'close');
    expect(code).toBe(4_001);
    await expect.poll(() => codes, { timeout: 8_000 }).toEqual([4_001]);
  });

  it('ends for one side when the other breaks off', async () => {
    const { client, sockets } = await start();
    client.send('x');
    await once(client, 'message');
    client.on('error', () => {});
    for (const socket of sockets.clients) socket.terminate();
    const [code] = await once(client, 'close');
    expect(code).toBe(1_006);
  });
});
