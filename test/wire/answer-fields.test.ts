/** What an answer says of its resource crosses line by line, as it came and in its order; a date is all that is added. */

import { describe, expect, it } from 'vitest';
import { headerOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

const LINES: readonly (readonly [string, string])[] = [
  ['Set-Cookie', 'b=2; Path=/'],
  ['Allow', 'GET, cow,,HEAD'],
  ['WWW-Authenticate', 'Basic realm="x", charset="UTF-8"'],
  ['set-cookie', 'a=1'],
  ['WWW-Authenticate', 'Digest nonce="y"'],
  ['X-Unknown', '  \xe4 "\\" , '],
  ['Cache-Control', 'no-store'],
  ['Set-Cookie', 'b=3'],
  ['Cache-Control', 'private'],
  ['Vary', 'x'],
  ['X-Empty', ''],
  ['ETag', 'W/"x"'],
];

/** The fields of the answer that a client gets to what a backend answered. */
async function relay(lines: readonly (readonly [string, string])[]) {
  const backend = await startRecordingBackend(({ connection: { socket } }) => {
    const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.write(`HTTP/1.1 405 Method Not Allowed\r\n${text}Content-Length: 0\r\n\r\n`, 'latin1');
  });
  const proxy = await startProxy({ backends: [backend.url] });
  const client = await connectRaw(proxy.port);
  client.send('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
  return client.next();
}

describe('fields of an answer', () => {
  it('cross in order, unchanged and never joined [R46 R46b R48 F33]', async () => {
    const { headers } = await relay(LINES);
    const ours = /^(?:date|x-request-id|content-length)$/;
    const crossed = headers.filter(([name]) => !ours.test(name));
    expect(crossed.map(([name, value]) => [name, value.trim()])).toEqual(
      LINES.map(([name, value]) => [name, value.trim()]),
    );
  });

  it('get a date when they have none [R47]', async () => {
    const before = Math.floor(Date.now() / 1_000) * 1_000;
    const date = headerOf(await relay([]), 'date') ?? '';
    expect(date).toMatch(/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
    expect(Date.parse(date)).toBeGreaterThanOrEqual(before - 1_000);
    expect(Date.parse(date)).toBeLessThanOrEqual(Date.now());
  });

  it('keep the date that they have [R47]', async () => {
    expect(headerOf(await relay([['Date', 'Tue, 15 Nov 1994 08:12:31 GMT']]), 'date')).toBe(
      'Tue, 15 Nov 1994 08:12:31 GMT',
    );
  });
});
