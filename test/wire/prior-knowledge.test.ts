/** Telling HTTP/2 from HTTP/1 by the first bytes of a cleartext connection: slowly, at the last byte, and not at all. */

import { describe, expect, it } from 'vitest';
import { statusOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw, rawExchange } from '../support/raw-client.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const SETTINGS = '\0\0\0\x04\0\0\0\0\0';
const ACKNOWLEDGED = '\0\0\0\x04\x01\0\0\0\0';

async function start(listener: object = {}) {
  const backend = await startRecordingBackend();
  const proxy = await startProxy({ backends: [backend.url], listener: { cleartext_http2: true, ...listener } });
  return { backend, port: proxy.port };
}

describe('a cleartext listener with cleartext_http2', () => {
  it('speaks HTTP/2 after its preface, in one piece or byte by byte [F62]', async () => {
    const { port } = await start();
    for (const isSlow of [false, true]) {
      const client = await connectRaw(port);
      if (isSlow) await client.trickle(PREFACE + SETTINGS);
      else client.send(PREFACE + SETTINGS);
      await client.until((received) => received.includes(ACKNOWLEDGED));
      expect(client.received().charCodeAt(3), 'its own SETTINGS come first').toBe(4);
    }
  });

  it.each(['GET', 'PUT', 'POST', 'PRI', 'PROPFIND', 'P'])('speaks HTTP/1 with %s, byte by byte', async (method) => {
    const { backend, port } = await start();
    const client = await connectRaw(port);
    await client.trickle(`${method} /x HTTP/1.1\r\nHost: a.example\r\n`);
    client.send('\r\n');
    expect(statusOf(await client.next(method))).toBe(200);
    client.send('GET /y HTTP/1.1\r\nHost: a.example\r\n\r\n');
    expect(statusOf(await client.next())).toBe(200);
    expect(backend.requests.map(({ startLine }) => startLine)).toEqual([`${method} /x HTTP/1.1`, 'GET /y HTTP/1.1']);
  });

  it('answers 400 to a preface that turns out not to be one, and asks no backend', async () => {
    const { backend, port } = await start();
    const { received } = await rawExchange(port, `${PREFACE.slice(0, -1)}x`);
    expect(received).toMatch(/^HTTP\/1\.1 (400|505) /);
    expect(backend.requests).toEqual([]);
  });

  it('waits for the first byte as between two requests, and for the rest of the preface as for a head', async () => {
    const { port } = await start({ timeouts: { idle: '100ms', header: '10s' } });
    expect((await rawExchange(port, '')).received).toBe('');
    const other = await start({ timeouts: { idle: '10s', header: '100ms' } });
    expect((await rawExchange(other.port, PREFACE.slice(0, 5))).received).toBe('');
  });

  it('closes on a client that leaves within the preface', async () => {
    const { port } = await start();
    const client = await connectRaw(port);
    client.send(PREFACE.slice(0, 10));
    client.end();
    expect(await client.ended()).toBe('closed');
  });
});
