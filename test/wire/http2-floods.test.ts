/** Frames in masses that ask for nothing, or take back what they asked for: the connection ends, and nobody else notices. */

import { describe, expect, it } from 'vitest';
import { startHttp2Proxy } from '../support/http2-client.ts';
import {
  ACK,
  block,
  CANCEL,
  CONTINUATION,
  connectFrames,
  DATA,
  END_HEADERS,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  type FrameClient,
  frame,
  HEADERS,
  indexed,
  PING,
  PRIORITY,
  RST_STREAM,
  request,
  SETTINGS,
  uint32,
  WINDOW_UPDATE,
} from '../support/http2-frames.ts';
import { echo, type RecordedRequest } from '../support/recording-backend.ts';

const MANY = 20_000;

/** Answers the victim only. */
const hesitant = (seen: RecordedRequest) => void (seen.startLine.includes('/victim') && echo(seen));

/** Sends what `make` says until the connection is closed; resolves with the number of rounds. */
async function flood(client: FrameClient, make: (round: number) => Buffer): Promise<number> {
  let round = 0;
  while (!client.isClosed() && round < MANY) {
    const batch: Buffer[] = [];
    for (let i = 0; i < 50; i++) batch.push(make(round++));
    client.send(...batch);
    await new Promise(setImmediate);
  }
  await client.closed();
  return round;
}

const head = (path: string, method = 'GET') => block(request(path, [], method));
const open = (stream: number, path = '/x') => frame(HEADERS, END_STREAM | END_HEADERS, stream, head(path));
const reset = (stream: number) => frame(RST_STREAM, 0, stream, uint32(CANCEL));

describe('a flood of', () => {
  it('requests that are taken back at once [R71 F52]', async () => {
    const { port, backend, serves } = await startHttp2Proxy({}, hesitant);
    const client = await connectFrames(port);
    await flood(client, (i) => Buffer.concat([open(2 * i + 1), reset(2 * i + 1)]));
    expect(await client.goawayCode()).toBe(ENHANCE_YOUR_CALM);
    expect(backend.requests.length).toBeLessThan(250);
    await serves();
  });

  it('requests that we are made to reset [R71 F53]', async () => {
    const { port, backend, serves } = await startHttp2Proxy({}, hesitant);
    const client = await connectFrames(port);
    const nothing = (stream: number) => frame(WINDOW_UPDATE, 0, stream, uint32(0));
    await flood(client, (i) => Buffer.concat([open(2 * i + 1), nothing(2 * i + 1)]));
    expect(await client.goawayCode()).toBeGreaterThan(0);
    expect(backend.requests.length).toBeLessThan(250);
    await serves();
  });

  it('malformed requests [R71 F53]', async () => {
    const { port, serves } = await startHttp2Proxy();
    const client = await connectFrames(port);
    const bad = block(request('/x', [['host', 'b.example']]));
    await flood(client, (i) => frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, bad));
    expect(await client.goawayCode()).toBeGreaterThan(0);
    await serves();
  });

  it.each<[string, (i: number) => Buffer]>([
    ['PING', () => frame(PING, 0, 0, Buffer.alloc(8))],
    ['SETTINGS', () => frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0xff, 0xff]))],
    ['empty SETTINGS', () => frame(SETTINGS, 0, 0)],
    ['PRIORITY', (i) => frame(PRIORITY, 0, 2 * i + 1, Buffer.from([0, 0, 0, 0, 16]))],
  ])('%s [R71 F57]', async (_name, make) => {
    const { port, serves } = await startHttp2Proxy();
    const client = await connectFrames(port, { deaf: true });
    expect(await flood(client, make)).toBeLessThan(MANY);
    expect(await client.goawayCode()).toBeGreaterThan(0);
    await serves();
  });

  it('empty DATA [R71 F57]', async () => {
    const { port, serves } = await startHttp2Proxy();
    const client = await connectFrames(port);
    client.open(1, request('/x', [], 'POST'), 0);
    expect(await flood(client, () => frame(DATA, 0, 1))).toBeLessThan(MANY);
    await serves();
  });

  it('empty CONTINUATION [R71 F54 F57]', async () => {
    const { port, serves } = await startHttp2Proxy();
    const client = await connectFrames(port);
    client.send(frame(HEADERS, END_STREAM, 1, head('/x')));
    expect(await flood(client, () => frame(CONTINUATION, 0, 1))).toBeLessThan(MANY);
    await serves();
  });

  it('fields without a name [R71 F57]', async () => {
    const { port, serves } = await startHttp2Proxy();
    const client = await connectFrames(port);
    const empty = Buffer.concat([head('/x'), Buffer.alloc(3 * 4_000)]);
    await flood(client, (i) => frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, empty));
    expect(await client.goawayCode()).toBeGreaterThan(0);
    await serves();
  });

  it.each<[string, Buffer]>([
    ['WINDOW_UPDATE', frame(WINDOW_UPDATE, 0, 1, uint32(1))],
    ['frames of no known type', frame(0x7f, 0, 0, Buffer.alloc(1_000))],
    ['empty heads on a stream that is over', frame(HEADERS, END_HEADERS, 1)],
    ['acknowledgements', frame(PING, ACK, 0, Buffer.alloc(8))],
  ])('%s [R71 F57]', async (_name, useless) => {
    const { port, serves } = await startHttp2Proxy({}, hesitant);
    const client = await connectFrames(port);
    client.open(1, request('/x'));
    const batch = Buffer.concat(Array.from({ length: Math.ceil(65_536 / useless.length) }, () => useless));
    let sent = 0;
    while (!client.isClosed() && sent < 2_000) {
      client.send(batch);
      sent++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await client.closed();
    expect(sent).toBeLessThan(2_000);
    await serves();
  });
});

describe('what clients in good faith do is no flood:', () => {
  it('a PING with every answer', async () => {
    const { port } = await startHttp2Proxy();
    const client = await connectFrames(port);
    for (let i = 0; i < 1_000; i++) {
      client.send(open(2 * i + 1), frame(PING, 0, 0, Buffer.alloc(8)));
      await client.ended(2 * i + 1);
    }
    expect(client.isClosed()).toBe(false);
  });

  it('giving up now and then', async () => {
    const { port, backend } = await startHttp2Proxy({}, hesitant);
    const client = await connectFrames(port);
    for (let i = 0; i < 100; i++) {
      client.send(open(2 * i + 1));
      await backend.watch.until(
        () => (backend.requests.length > i ? true : null),
        () => 'never came',
      );
      client.send(reset(2 * i + 1));
    }
    backend.respond = ({ connection }) => connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    client.send(open(201));
    expect(await client.status(201)).toBe(200);
  });

  it('a large download, whose window is opened a little at a time', async () => {
    const body = 'x'.repeat(3_000_000);
    const { port } = await startHttp2Proxy({}, ({ connection }) =>
      connection.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
    );
    const client = await connectFrames(port);
    client.send(open(1));
    for (let seen = 0, got = 0; got < body.length; ) {
      await client.next((f) => f.type === DATA && client.frames.indexOf(f) >= seen);
      const news = client.frames.slice(seen).filter(({ type }) => type === DATA);
      seen = client.frames.length;
      const bytes = news.reduce((sum, { payload }) => sum + payload.length, 0);
      got += bytes;
      for (let left = bytes; left > 0; left -= 1_000) {
        const more = uint32(Math.min(left, 1_000));
        client.send(frame(WINDOW_UPDATE, 0, 0, more), frame(WINDOW_UPDATE, 0, 1, more));
      }
    }
    await client.ended(1);
  });
});

it('HPACK: many references to one large entry cost what was sent, not what they stand for [F55]', async () => {
  const { port, serves } = await startHttp2Proxy();
  const client = await connectFrames(port);
  const seed = Buffer.concat([head('/x'), indexed(['x-big', 'a'.repeat(3_900)])]);
  client.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, seed));
  // 0xbe: the first entry of the table (RFC 7541 §6.1, index 62).
  const bomb = Buffer.concat([head('/x'), Buffer.alloc(16_000, 0xbe)]);
  await flood(client, (i) => frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 3, bomb));
  expect(await client.goawayCode()).toBeGreaterThan(0);
  await serves();
});
