/** Connections above the listener's limit are closed at once; those that are open are served, and room is room again. */

import { expect, it } from 'vitest';
import { statusOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

const LIMIT = 4;
const ABOVE = 20;

async function ask(client: RawClient): Promise<number> {
  client.send('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
  return statusOf(await client.next());
}

it('what is above the limit is closed without an answer, and harms nobody [F64]', async () => {
  const backend = await startRecordingBackend();
  const proxy = await startProxy({ backends: [backend.url], listener: { limits: { connections: LIMIT } } });
  const clients: RawClient[] = [];
  while (clients.length < LIMIT) {
    const client = await connectRaw(proxy.port);
    expect(await ask(client)).toBe(200);
    clients.push(client);
  }
  for (let i = 0; i < ABOVE; i++) {
    const turnedAway = await connectRaw(proxy.port);
    await turnedAway.ended();
    expect(turnedAway.received()).toBe('');
  }
  for (const client of clients) expect(await ask(client)).toBe(200);

  const [leaver] = clients;
  leaver?.end();
  await leaver?.ended();
  // The end may reach us after the next connection does.
  await expect.poll(async () => ask(await connectRaw(proxy.port)).catch(() => 0), { timeout: 8_000 }).toBe(200);
  expect(backend.requests.length).toBe(2 * LIMIT + 1);
});
