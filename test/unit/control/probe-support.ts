/** Backends of a test's own, on loopback, and probes run against them. Everything is taken down after each test. */

import type { Http2Server } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import type { Backend } from '../../../src/model/backend.ts';
import { simulatedBackend } from '../../../src/sim/settings.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs after the test, the last one given first. */
export function afterTest(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export const SCHEDULE = {
  port: null,
  intervalMs: 5_000,
  fastIntervalMs: 1_000,
  timeoutMs: 5_000,
  rise: 2,
  fall: 3,
  jitter: 0.1,
};

export async function listen(server: Server | Http2Server): Promise<Backend> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  afterTest(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { ...simulatedBackend('a'), host: '127.0.0.1', port, slot: 0 };
}

/** A TCP server whose connections are owned. */
export async function serveTcp(onConnection: (socket: Socket) => void): Promise<Backend> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    afterTest(() => socket.destroy());
    socket.on('error', () => {});
    onConnection(socket);
  });
  return listen(server);
}

/** Where nobody listens. */
export async function nobody(): Promise<Backend> {
  const server = createServer();
  const backend = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return backend;
}
