/** Where no backend takes a request, its body is still not the next request. */

import { expect, it } from 'vitest';
import { headerOf, statusOf } from '../support/message-reader.ts';
import { freePort } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';

const BODY = 'GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n';
const FRAMINGS = ['Content-Length: 1000000', 'Transfer-Encoding: chunked'];

it.each(FRAMINGS)(
  'a body (%s) behind the 502 for a refused connection is not parsed [F17 R32 R59 F141]',
  async (framing) => {
    const proxy = await startProxy({
      backends: [`http://127.0.0.1:${await freePort()}`],
      upstream: { retry: { outage: null } },
    });
    const client = await connectRaw(proxy.port);
    client.send(`POST / HTTP/1.1\r\nHost: a.example\r\n${framing}\r\n\r\n${BODY}`);
    const answer = await client.next();
    expect([statusOf(answer), JSON.parse(answer.body).error]).toEqual([502, 'bad_gateway']);
    expect(headerOf(answer, 'connection')).toBe('close');
    expect(await client.ended()).toBe('closed');
    expect(client.unread()).toBe('');
  },
);

it.each(FRAMINGS)('a body (%s) behind the 503 of an empty pool is not parsed [F17 R32 R59 F141]', async (framing) => {
  const proxy = await startProxy({
    backends: [`http://127.0.0.1:${await freePort()}`],
    upstream: { initial_state: 'down', panic: { threshold: '50%', mode: 'fail' }, probe: { interval: '1h' } },
  });
  const client = await connectRaw(proxy.port);
  client.send(`POST / HTTP/1.1\r\nHost: a.example\r\n${framing}\r\n\r\n${BODY}`);
  const answer = await client.next();
  expect([statusOf(answer), JSON.parse(answer.body).error]).toEqual([503, 'no_backend']);
  expect([headerOf(answer, 'connection'), headerOf(answer, 'retry-after')]).toEqual([
    'close',
    expect.stringMatching(/^\d+$/),
  ]);
  expect(await client.ended()).toBe('closed');
  expect(client.unread()).toBe('');
});
