/** A client that pipelines is bounded by backpressure and answered in order. */

import { createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { listen } from '../support/recording-backend.ts';

const REQUESTS = 10_000;

it('ten thousand pipelined requests are answered in order, one at a time [F16 R37]', async () => {
  const sockets: Socket[] = [];
  let most = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (chunk) => {
      const asked = [...chunk.toString('latin1').matchAll(/^GET (\S+)/gm)].map(([, target = '']) => target);
      most = Math.max(most, asked.length);
      for (const target of asked) socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${target.length}\r\n\r\n${target}`);
    });
  });
  const port = await listen(server);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const proxy = await startProxy({ backends: [`http://127.0.0.1:${port}`] });
  const client = await connectRaw(proxy.port);
  const targets = Array.from({ length: REQUESTS }, (_, i) => `/${i}`);
  client.send(targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`).join(''));
  const bodies: string[] = [];
  while (bodies.length < REQUESTS) bodies.push((await client.next()).body);
  expect(bodies).toEqual(targets);
  expect({ most, connections: sockets.length }).toEqual({ most: 1, connections: 1 });
});
