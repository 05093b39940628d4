/** An answer that arrives in the same turn as the next request is not that request's answer. */

import { expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

const ROUNDS = 100;

it('bytes on an idle backend connection are never taken for the answer to a request that comes with them [F77 R30]', async () => {
  const backend = await startRecordingBackend();
  const proxy = await startProxy({ backends: [backend.url] });
  const client = await connectRaw(proxy.port);
  for (let i = 0; i < ROUNDS; i++) {
    client.send(`GET /${i} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
    expect((await client.next()).body).toBe(`GET /${i}`);
    // Both are in the kernel before the proxy's next turn, in either order.
    const poison = () =>
      backend.requests.at(-1)?.connection.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison');
    const ask = () => client.send(`GET /${i}/after HTTP/1.1\r\nHost: a.example\r\n\r\n`);
    for (const act of i % 2 === 0 ? [poison, ask] : [ask, poison]) act();
    expect((await client.next()).body).toBe(`GET /${i}/after`);
  }
  expect(backend.connections.length).toBeGreaterThan(ROUNDS);
});
