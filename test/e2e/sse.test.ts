/** Server-sent events and other answers that last: what comes goes on at once, and both sides learn when the other has left. */

import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { statusOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { echo, type RecordedConnection, type Responder, startRecordingBackend } from '../support/recording-backend.ts';

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const REQUEST = 'GET /events HTTP/1.1\r\nHost: a.example\r\nAccept: text/event-stream\r\nLast-Event-ID: 41\r\n\r\n';

/** One event in a chunk of its own. */
function event(text: string): string {
  const payload = `data: ${text}\n\n`;
  return `${payload.length.toString(16)}\r\n${payload}\r\n`;
}

const begin: Responder = ({ connection }) => void connection.socket.write(HEAD);

/** A client whose stream of events has begun. */
async function open(upstream: object = {}, listener: object = {}) {
  const backend = await startRecordingBackend(begin);
  const proxy = await startProxy({ backends: [backend.url], upstream, listener, admin: true });
  const client = await connectRaw(proxy.port);
  client.send(REQUEST);
  await client.until((received) => received.endsWith('\r\n\r\n'));
  return { backend, proxy, client, connection: backend.connections[0] as RecordedConnection };
}

it('each event is with the client before the next one exists, and where it left off is passed on', async () => {
  const { backend, client, connection } = await open();
  expect(backend.requests[0]?.headers).toContainEqual(['Last-Event-ID', '41']);
  for (let n = 0; n < 200; n++) {
    connection.socket.write(event(`number ${n}`));
    await client.until((received) => received.endsWith(event(`number ${n}`)));
  }
});

it('a client that leaves is reported to the backend at once, while nothing flows', async () => {
  for (const leave of ['end', 'reset'] as const) {
    const { backend, client, connection } = await open();
    client[leave]();
    await backend.watch.until(
      () => connection.gone || null,
      () => 'the backend was not told',
    );
  }
});

it('a long poll that is answered late is answered, and a client that left meanwhile costs nothing', async () => {
  const backend = await startRecordingBackend(() => {});
  const proxy = await startProxy({ backends: [backend.url], admin: true });
  const [waiting, leaving] = await Promise.all([connectRaw(proxy.port), connectRaw(proxy.port)]);
  for (const client of [waiting, leaving]) client.send('GET /poll HTTP/1.1\r\nHost: a.example\r\n\r\n');
  await backend.watch.until(
    () => backend.requests.length === 2 || null,
    () => 'no requests',
  );
  leaving.reset();
  const gone = await backend.watch.until(
    () => backend.connections.find((connection) => connection.gone) ?? null,
    () => 'the backend was not told',
  );
  for (const request of backend.requests) if (request.connection !== gone) echo(request);
  expect((await waiting.next()).body).toBe('GET /poll');
  const health = await fetch(`http://127.0.0.1:${proxy.adminPort}/health/app`);
  const { backends } = (await health.json()) as { backends: object[] };
  expect(backends[0]).toMatchObject({ in_flight: 0, requests_total: 2, failures_total: 0 });
});

it('silence between events is bounded by timeouts.idle, and ends as an answer cut short', async () => {
  const { backend, client, connection } = await open({ timeouts: { idle: '1s' } });
  for (let n = 0; n < 8; n++) {
    connection.socket.write(event(`number ${n}`));
    await client.until((received) => received.endsWith(event(`number ${n}`)));
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  expect(await client.ended()).toBe('reset');
  expect(client.received()).not.toContain('\r\n0\r\n\r\n');
  await backend.watch.until(
    () => connection.gone || null,
    () => 'the backend was not told',
  );
});

it('an event stream that its backend breaks off is seen to be broken, and can be opened again', async () => {
  const { backend, client, connection, proxy } = await open();
  connection.socket.write(event('one'));
  await client.until((received) => received.endsWith(event('one')));
  connection.socket.resetAndDestroy();
  expect(await client.ended()).toBe('reset');
  backend.respond = begin;
  const again = await connectRaw(proxy.port);
  again.send(REQUEST);
  await again.until((received) => received.endsWith('\r\n\r\n'));
});

it('a slow reader of events stops its backend, and loses nothing', { timeout: 20_000 }, async () => {
  const backend = await startRecordingBackend(begin);
  const proxy = await startProxy({ backends: [backend.url] });
  const client = connect(proxy.port, '127.0.0.1').pause();
  onTestFinished(() => void client.destroy());
  client.write(REQUEST);
  const { socket } = await backend.watch.until(
    () => backend.requests[0]?.connection ?? null,
    () => 'no request',
  );
  const text = 'x'.repeat(65_536);
  const count = 512;
  let written = 0;
  while (written < count && socket.write(event(text))) written++;
  for (let n = written; n < count; n++) socket.write(event(text));
  socket.write('0\r\n\r\n');
  // Long enough for a proxy that kept on reading: others' requests take their turns meanwhile.
  backend.respond = echo;
  const other = await connectRaw(proxy.port);
  for (let n = 0; n < 50; n++) {
    other.send('GET /other HTTP/1.1\r\nHost: a.example\r\n\r\n');
    expect(statusOf(await other.next())).toBe(200);
  }
  expect(socket.writableLength).toBeGreaterThan(0);
  let received = 0;
  let tail = '';
  client.on('data', (chunk: Buffer) => {
    received += chunk.length;
    tail = (tail + chunk.toString('latin1')).slice(-16);
    backend.watch.notify();
  });
  client.resume();
  await backend.watch.until(
    () => tail.endsWith('\r\n0\r\n\r\n') || null,
    () => `only ${received} bytes came`,
  );
  expect(received).toBeGreaterThan(text.length * count);
});
