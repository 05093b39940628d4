import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { SocketWriter } from '../../../src/proxy/socket-writer.ts';

/** Both ends of a connection; nobody reads at the far end yet. */
async function createPair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

function hashed(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  socket.on('data', (chunk: Buffer) => hash.update(chunk));
  socket.resume();
  return once(socket, 'end').then(() => hash.digest('hex'));
}

test('what waits for a slow reader is not overwritten by what others send meanwhile', async () => {
  const slow = await createPair();
  const fast = await createPair();
  const toSlow = new SocketWriter(slow.near);
  const toFast = new SocketWriter(fast.near);
  const expected = createHash('sha256');
  const shared = Buffer.alloc(65_536);
  const received = hashed(fast.far);

  let isFull = false;
  for (let round = 0; !isFull; round++) {
    shared.fill(round);
    expected.update(shared);
    toSlow.addBytes(shared, 0, shared.length);
    isFull = !toSlow.flush();
  }
  expect(slow.near.writableLength).toBeGreaterThan(0);
  const other = createHash('sha256');
  for (let round = 0; round < 200; round++) {
    shared.fill(255 - round);
    other.update(shared.subarray(0, 60_000));
    toFast.addBytes(shared, 0, 60_000);
    if (!toFast.flush()) await once(fast.near, 'drain');
  }
  fast.near.end();
  expect(await received).toBe(other.digest('hex'));

  const slowly = hashed(slow.far);
  slow.near.end();
  expect(await slowly).toBe(expected.digest('hex'));
});

test('a piece larger than a block arrives whole, behind the text before it', async () => {
  const { near, far } = await createPair();
  const writer = new SocketWriter(near);
  const body = Buffer.alloc(200_000, 'abc');
  writer.addText('head\r\n');
  writer.addBytes(body, 0, body.length);
  writer.addText('tail');
  writer.flush();
  near.end();
  const expected = createHash('sha256').update('head\r\n').update(body).update('tail').digest('hex');
  expect(await hashed(far)).toBe(expected);
  expect(writer.bytes).toBe(6 + body.length + 4);
});

test('a socket whose bytes are all with the kernel is not full, however much they were', async () => {
  const { near, far } = await createPair();
  far.resume();
  const writer = new SocketWriter(near);
  writer.addBytes(Buffer.alloc(65_536), 0, 65_536);
  const hasRoom = writer.flush();
  expect(hasRoom).toBe(near.writableLength === 0);
});

test('what a slow reader has taken at last is used again, although its connection idles', async () => {
  // Nobody has given a block back yet.
  vi.resetModules();
  const { SocketWriter: Writer } = await import('../../../src/proxy/socket-writer.ts');
  const slow = await createPair();
  const writer = new Writer(slow.near);
  const piece = Buffer.alloc(60_000);
  do writer.addBytes(piece, 0, piece.length);
  while (writer.flush());
  const drained = once(slow.near, 'drain');
  slow.far.resume();
  await drained;
  writer.settle();

  const other = await createPair();
  const before = process.memoryUsage().arrayBuffers;
  new Writer(other.near).addBytes(piece, 0, piece.length);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(65_536);
});
