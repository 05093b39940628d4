/**
 * A graceful stop with everything open at once: a kept connection, a request under way, HTTP/2 streams and a tunnel. `/readyz` fails
 * first, while all is served; then each is told to leave in its own way, and the tunnel has until the deadline.
 */

import { connect as connectHttp2 } from 'node:http2';
import { expect, onTestFinished, test } from 'vitest';
import { connectRaw } from '../support/raw-client.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';
import { startReloading } from '../support/reloading.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

test('tells every kind of client in its own way, and loses none of their requests [F91]', async () => {
  const held: (() => void)[] = [];
  const backend = await startRecordingBackend(({ startLine, connection: { socket } }) => {
    const path = startLine.split(' ')[1] ?? '';
    const answer = () => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    if (path === '/tunnel') {
      const head = `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${ACCEPT}\r\n\r\n`;
      socket.write(head);
    } else if (path.startsWith('/slow')) held.push(answer);
    else answer();
  });
  const proxy = await startReloading({
    listeners: [{ bind: '127.0.0.1:0', cleartext_http2: true }],
    drain: { delay: '600ms', timeout: '4s' },
    upstreams: { app: { probe: false, outliers: false, backends: [backend.url] } },
  });
  const port = proxy.ports[0] as number;

  const kept = await connectRaw(port);
  kept.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await kept.next();
  const slow = await connectRaw(port);
  slow.send('GET /slow1 HTTP/1.1\r\nhost: x\r\n\r\n');
  const tunnel = await connectRaw(port);
  tunnel.send(
    `GET /tunnel HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${KEY}\r\n\r\n`,
  );
  await tunnel.until((received) => received.includes('101 '));
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  session.on('error', () => {});
  const goneAway = new Promise<void>((resolve) => session.once('goaway', () => resolve()));
  const stream = session.request({ ':path': '/slow2', ':authority': 'x' });
  const streamStatus = new Promise<number>((resolve, reject) => {
    stream.once('response', (headers) => resolve(Number(headers[':status'])));
    stream.once('error', reject);
  });
  await backend.watch.until(
    () => held.length === 2 || null,
    () => `${held.length} requests are held`,
  );

  proxy.app.stop();
  const ready = await fetch(`${proxy.adminUrl}/readyz`);
  expect(ready.status).toBe(503);
  // Unready, and still served.
  kept.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  expect((await kept.next()).body).toBe('ok');

  await goneAway;
  await expect(connectRaw(port)).rejects.toThrow();
  expect(await kept.ended()).toBe('closed');
  for (const answer of held) answer();
  await slow.until((received) => received.startsWith('HTTP/1.1 200') && /connection: close/i.test(received));
  expect(await streamStatus).toBe(200);
  await tunnel.ended();
  expect(await proxy.app.exited).toBe(0);
});
