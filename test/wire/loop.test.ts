/** A proxy whose backend is itself: the request goes round once, and no more. */

import { expect, it } from 'vitest';
import { statusOf } from '../support/message-reader.ts';
import { freePort } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';

it.each([
  ['GET', ''],
  ['POST', 'Content-Length: 2\r\n\r\nhi'],
])('%s that comes back ends in 508 after one round [F34 R41]', async (method, rest) => {
  const port = await freePort();
  const proxy = await startProxy({
    listener: { bind: `127.0.0.1:${port}` },
    backends: [`http://127.0.0.1:${port}`],
    admin: true,
  });
  const client = await connectRaw(port);
  client.send(`${method} / HTTP/1.1\r\nHost: a.example\r\n${rest || '\r\n'}`);
  const answer = await client.next(method);
  expect([statusOf(answer), JSON.parse(answer.body).error]).toEqual([508, 'loop_detected']);
  const health = await fetch(`http://127.0.0.1:${proxy.adminPort}/health/app`);
  const { backends } = (await health.json()) as { backends: { requests_total: number }[] };
  expect(backends.map(({ requests_total: total }) => total)).toEqual([1]);
});
