import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/model/backend.ts';
import { ConnectionPool } from '../../../src/proxy/connection-pool.ts';
import type { ConnectionUser, UpstreamConnection } from '../../../src/proxy/upstream-connection.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';

const SETTINGS = { idleMs: 50_000, maxRequests: 3, maxAgeMs: 60_000 };

const server = createServer((socket) => accepted.push(socket));
let accepted: Socket[] = [];
let backend: Backend;
let clock: VirtualClock;
let pool: ConnectionPool;

beforeEach(async () => {
  accepted = [];
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  backend = { id: 'b', slot: 0, url, tls: false, host: '127.0.0.1', port, weight: 1, priority: 0, labels: {} };
  clock = new VirtualClock();
  pool = new ConnectionPool(SETTINGS, clock);
});

afterEach(async () => {
  pool.close();
  for (const socket of accepted) socket.destroy();
  server.close();
  await once(server, 'close');
});

function user(onConnected = () => {}): ConnectionUser {
  return { onConnected, onBytes: () => true, onClosed: () => {}, onDrain: () => {} };
}

/** An open connection, and the server's end of it. */
async function open(): Promise<[UpstreamConnection, Socket]> {
  const known = accepted.length;
  const connection = await new Promise<UpstreamConnection>((resolve) => {
    const opened: UpstreamConnection = pool.connect(
      backend,
      user(() => resolve(opened)),
      clock.now(),
    );
  });
  while (accepted.length === known) await once(server, 'connection');
  return [connection, accepted.at(-1) as Socket];
}

function checkout(repeatable = true) {
  return pool.checkout(backend, user(), clock.now(), repeatable);
}

/** The server ends its side; resolves when our side has noticed. */
async function endFrom(socket: Socket): Promise<void> {
  socket.end();
  await once(socket, 'close');
}

describe('ConnectionPool', () => {
  it('gives back the newest connection first', async () => {
    const [older] = await open();
    const [newer] = await open();
    pool.release(older, clock.now());
    pool.release(newer, clock.now());
    expect(checkout()).toBe(newer);
    expect(checkout()).toBe(older);
    expect(checkout()).toBeNull();
  });

  it('gives no connection that has idled as long as the settings, or nearly as long as the backend allows', async () => {
    const [first] = await open();
    pool.release(first, clock.now());
    clock.advanceTo(clock.now() + 50_000);
    expect(checkout()).toBeNull();

    const [second] = await open();
    second.idleLimitMs = 5_000;
    pool.release(second, clock.now());
    clock.advanceTo(clock.now() + 4_000);
    expect(checkout()).toBeNull();
    expect(second.closed).toBe(true);
  });

  it('gives no connection that is too old or has served its number of requests', async () => {
    const [old] = await open();
    clock.advanceTo(clock.now() + 60_000);
    pool.release(old, clock.now());
    expect(checkout()).toBeNull();

    const [used] = await open();
    used.requests = 3;
    pool.release(used, clock.now());
    expect(checkout()).toBeNull();
  });

  it('drops an idle connection that the backend closes or speaks on', async () => {
    const [ended, endedSocket] = await open();
    pool.release(ended, clock.now());
    await endFrom(endedSocket);
    expect(checkout()).toBeNull();

    const [poisoned, poisonedSocket] = await open();
    pool.release(poisoned, clock.now());
    poisonedSocket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    await once(poisonedSocket, 'close');
    expect(poisoned.closed).toBe(true);
    expect(checkout()).toBeNull();
  });

  it('learns when a backend closes idle connections, and keeps requests that cannot be repeated clear of it', async () => {
    const [teacher, socket] = await open();
    pool.release(teacher, clock.now());
    clock.advanceTo(clock.now() + 100);
    await endFrom(socket);

    const [connection] = await open();
    pool.release(connection, clock.now());
    clock.advanceTo(clock.now() + 49);
    expect(checkout(false)).toBe(connection);
    pool.release(connection, clock.now());
    clock.advanceTo(clock.now() + 50);
    expect(checkout(false)).toBeNull();
    expect(checkout(true)).toBe(connection);
  });

  it('forgets the lesson after a minute', async () => {
    const [teacher, socket] = await open();
    pool.release(teacher, clock.now());
    clock.advanceTo(clock.now() + 100);
    await endFrom(socket);
    clock.advanceTo(clock.now() + 60_000);

    const [connection] = await open();
    pool.release(connection, clock.now());
    clock.advanceTo(clock.now() + 90);
    expect(checkout(false)).toBe(connection);
  });
});
