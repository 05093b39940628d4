/** WebSocket through the proxy with a client and a server of the ws package, which check every frame that they get. */

import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { connectWs, startEchoServer } from '../support/websocket.ts';

it('messages of any size come back as they were sent, in order', async () => {
  const server = await startEchoServer();
  const { port } = await startProxy({ backends: [server.url] });
  const client = await connectWs(port);
  const sent = [0, 1, 125, 126, 65_535, 65_536, 1_048_576].map((bytes) => randomBytes(bytes));
  for (const message of sent) client.socket.send(message);
  for (const message of sent) expect(message.equals((await client.nextMessage()) as Buffer)).toBe(true);
  client.socket.send('text: Grüße');
  expect(await client.nextMessage()).toBe('text: Grüße');
});

it('control frames and close codes pass both ways', async () => {
  const server = await startEchoServer();
  const { port } = await startProxy({ backends: [server.url] });
  const client = await connectWs(port);
  const pong = new Promise<string>((resolve) => client.socket.once('pong', (data) => resolve(data.toString())));
  client.socket.ping('are you there');
  expect(await pong).toBe('are you there');
  client.socket.close(4_001, 'enough');
  expect(await client.closed()).toBe(4_001);
  await server.watch.until(
    () => server.closes.length || null,
    () => 'the server has not seen the close',
  );
  expect(server.closes).toEqual([4_001]);
});

it('what client and server agree on is theirs: subprotocol and compression [F51]', async () => {
  const server = await startEchoServer({
    perMessageDeflate: { threshold: 0 },
    handleProtocols: (protocols) => (protocols.has('v2') ? 'v2' : false),
  });
  const { port } = await startProxy({ backends: [server.url] });
  const client = await connectWs(port, { perMessageDeflate: { threshold: 0 } }, ['v1', 'v2']);
  expect(client.socket.protocol).toBe('v2');
  expect(client.socket.extensions).toContain('permessage-deflate');
  const text = 'a bomb is small on the wire '.repeat(40_000);
  client.socket.send(text);
  expect(await client.nextMessage()).toBe(text);
});
