/** Row 16: a client that pipelines is bounded by backpressure and answered in order. */

import { expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { echo, startRecordingBackend } from '../support/recording-backend.ts';

const REQUESTS = 10_000;

it('ten thousand pipelined requests are answered in order, one at a time', async () => {
  let underWay = 0;
  let most = 0;
  const backend = await startRecordingBackend((request) => {
    most = Math.max(most, ++underWay);
    setImmediate(() => {
      underWay--;
      echo(request);
    });
  });
  const proxy = await startProxy({ backends: [backend.url] });
  const client = await connectRaw(proxy.port);
  const heads = Array.from({ length: REQUESTS }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
  client.send(heads.join(''));
  for (let i = 0; i < REQUESTS; i++) expect((await client.next()).body).toBe(`GET /${i}`);
  expect({ most, received: backend.requests.length, connections: backend.connections.length }).toEqual({
    most: 1,
    received: REQUESTS,
    connections: 1,
  });
});
