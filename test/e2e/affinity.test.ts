/** Sticky sessions and hash policies over real sockets: who comes back gets the same backend, as long as it serves. */

import { expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { type RecordingBackend, startRecordingBackend } from '../support/recording-backend.ts';

async function startBackends(): Promise<RecordingBackend[]> {
  const start = (name: string) =>
    startRecordingBackend(({ connection: { socket } }) => {
      socket.write(`HTTP/1.1 200 OK\r\nset-cookie: theirs=1\r\ncontent-length: 1\r\n\r\n${name}`);
    });
  return [await start('a'), await start('b'), await start('c'), await start('d')];
}

const originsOf = (backends: readonly RecordingBackend[]) => backends.map(({ url }) => url);

async function ask(port: number, headers: Record<string, string>): Promise<{ backend: string; cookies: string[] }> {
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers });
  expect(answer.status).toBe(200);
  return { backend: await answer.text(), cookies: answer.headers.getSetCookie() };
}

it('a session stays with its backend, and leaves the cookies of others alone', async () => {
  const backends = await startBackends();
  const { port } = await startProxy({
    backends: originsOf(backends),
    upstream: { sticky: { secret: 'x'.repeat(16) } },
  });
  const first = await ask(port, {});
  expect(first.cookies).toHaveLength(2);
  expect(first.cookies[0]).toBe('theirs=1');
  expect(first.cookies[1]).toMatch(/^pulsegate=1\.\S+; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/);
  const session = (first.cookies[1] as string).split(';')[0] as string;
  for (let n = 0; n < 20; n++) {
    const next = await ask(port, { cookie: `other=2; ${session}; more=3` });
    expect(next).toEqual({ backend: first.backend, cookies: ['theirs=1'] });
  }
  const server = backends.find(({ requests }) => requests.length >= 20);
  expect(server?.connections[0]?.received).toContain('other=2; pulsegate=1.');
});

it('a forged cookie is worth nothing', async () => {
  const backends = await startBackends();
  const { port } = await startProxy({ backends: originsOf(backends), upstream: { sticky: {} } });
  const { cookies } = await ask(port, {});
  const forged = (cookies[1] as string).split(';')[0]?.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')) as string;
  const seen = new Set<string>();
  for (let n = 0; n < 50; n++) {
    const answer = await ask(port, { cookie: forged });
    expect(answer.cookies).toHaveLength(2);
    seen.add(answer.backend);
  }
  expect(seen.size).toBeGreaterThan(1);
});

it.each(['ring_hash', 'maglev'])('%s sends a key to one backend, and other keys elsewhere', async (balance) => {
  const backends = await startBackends();
  const { port } = await startProxy({
    backends: originsOf(backends),
    upstream: { balance, hash_on: { header: 'X-User' } },
  });
  const homes = new Map<string, string>();
  for (let n = 0; n < 40; n++) homes.set(`user-${n}`, (await ask(port, { 'x-user': `user-${n}` })).backend);
  expect(new Set(homes.values()).size).toBe(4);
  for (const [user, home] of homes) expect((await ask(port, { 'x-user': user })).backend).toBe(home);
});
