/** How much memory clients of HTTP/2 can make the proxy take, in a process of its own: never many times what they sent. */

import { expect, it } from 'vitest';
import { connectHttp2 } from '../support/http2-client.ts';
import {
  block,
  connectFrames,
  END_HEADERS,
  END_STREAM,
  type FrameClient,
  frame,
  HEADERS,
  indexed,
  request,
} from '../support/http2-frames.ts';
import { watchMemory } from '../support/memory.ts';
import { startProxyProcess } from '../support/processes.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

const CONNECTIONS = 40;

/** What a connection may hold: a hundred requests, their heads of 16 KiB, and what each takes besides. */
const PER_CONNECTION_MIB = (100 * (16 + 16)) / 1_024;

/** Garbage that the runtime leaves lying about, however many connections there are: Node 24 keeps more of it than 20. */
const GARBAGE_MIB = 96;

async function start() {
  // Answers come to the victim only: whatever else is asked for is held.
  const backend = await startRecordingBackend(({ startLine, connection }) => {
    if (startLine.includes('/victim')) connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const proxy = await startProxyProcess({
    listeners: [{ bind: '127.0.0.1:0', cleartext_http2: true }],
    upstreams: { app: { backends: [backend.url], probe: false, outliers: false, limits: { connections: 6000 } } },
  });
  const victim = connectHttp2(`http://127.0.0.1:${proxy.port}`);
  expect((await victim.get('/victim')).status).toBe(200);
  const memory = watchMemory(proxy.pid);
  return { proxy, victim, memory };
}

async function besiege(attack: (client: FrameClient) => number) {
  const { proxy, victim, memory } = await start();
  let sentBytes = 0;
  const clients: FrameClient[] = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const client = await connectFrames(proxy.port, { settings: [[4, 0]] });
    sentBytes += attack(client);
    clients.push(client);
    expect((await victim.get('/victim')).body).toBe('ok');
  }
  const allowed = GARBAGE_MIB + CONNECTIONS * PER_CONNECTION_MIB + (10 * sentBytes) / 1_048_576;
  expect(memory.growthMiB()).toBeLessThan(allowed);
  for (const client of clients) client.destroy();
}

/** CVE-2026-49975, Apache, and CVE-2026-47774, Envoy: each reference to a large entry of the table cost a copy of it. */
it(
  'references to one large entry [F55 CVE-2026-49975 CVE-2026-47774]',
  () =>
    besiege((client) => {
      const seed = Buffer.concat([block(request('/seed')), indexed(['x-big', 'a'.repeat(3_900)])]);
      const bomb = Buffer.concat([block(request('/bomb')), Buffer.alloc(4, 0xbe)]);
      let sent = 0;
      for (let i = 0; i < 100; i++) {
        const bytes = frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, i === 0 ? seed : bomb);
        client.send(bytes);
        sent += bytes.length;
      }
      return sent;
    }),
  60_000,
);

/** The same with crumbs of a cookie, which no limit on the number of fields may pass over. */
it(
  'crumbs of a cookie by the thousand [F55]',
  () =>
    besiege((client) => {
      const seed = Buffer.concat([block(request('/seed')), indexed(['cookie', 'a=b'])]);
      const bomb = Buffer.concat([block(request('/bomb')), Buffer.alloc(15_000, 0xbe)]);
      let sent = 0;
      for (let i = 0; i < 100; i++) {
        const bytes = frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, i === 0 ? seed : bomb);
        client.send(bytes);
        sent += bytes.length;
      }
      return sent;
    }),
  60_000,
);

/** CVE-2026-56846, Node: heads kept by streams that wait were not counted as memory of their session. */
it(
  'large heads of requests that wait [F55 CVE-2026-56846]',
  () =>
    besiege((client) => {
      const fields = Array.from({ length: 30 }, (_, i): [string, string] => [`x-${i}`, 'a'.repeat(450)]);
      const bytes = block(request('/waits', fields));
      for (let i = 0; i < 100; i++) client.send(frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, bytes));
      return 100 * bytes.length;
    }),
  60_000,
);
