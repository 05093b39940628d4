/** An answer that is cut short anywhere is never made to look whole. */

import { describe, expect, it } from 'vitest';
import { readMessage } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw, rawExchange } from '../support/raw-client.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';
const BODY = 'hello, truncated world';

const ANSWERS = {
  'a body of known length': `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  'a chunked body': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n11\r\n${BODY.slice(5)}\r\n0\r\nX-Trailer: y\r\n\r\n`,
};

const ENDINGS = ['end', 'resetAndDestroy'] as const;

describe.each(Object.entries(ANSWERS))('%s [F74 R29]', (_, answer) => {
  it.each(ENDINGS)('cut at every offset by the backend (%s) reaches the client incomplete', async (ending) => {
    let cutAt = 0;
    const backend = await startRecordingBackend(({ connection: { socket } }) => {
      socket.write(answer.slice(0, cutAt), 'latin1', () => socket[ending]());
    });
    const proxy = await startProxy({ backends: [backend.url], upstream: { retry: { attempts: 0 } } });
    const headEnd = answer.indexOf('\r\n\r\n') + 4;
    for (cutAt = 0; cutAt < answer.length; cutAt++) {
      const { received } = await rawExchange(proxy.port, REQUEST);
      if (received.startsWith('HTTP/1.1 502 ')) continue;
      expect(cutAt, received).toBeGreaterThanOrEqual(headEnd);
      expect(isWhole(received), `cut at ${cutAt}: ${JSON.stringify(received)}`).toBe(false);
    }
    const whole = await rawExchange(proxy.port, REQUEST);
    expect(readMessage(whole.received, 0, { kind: 'response', method: 'GET' }, true)?.body).toBe(BODY);
  });
});

// A reset that reaches the machine together with the last bytes reads as an orderly end: libuv takes data and hang-up
// in one poll for the end of the stream. So the reset follows when the client has seen the bytes.
it('a body that only the end of the connection delimits is cut when the backend resets it [F74 R29]', async () => {
  const backend = await startRecordingBackend(({ connection: { socket } }) => {
    socket.write(`HTTP/1.1 200 OK\r\n\r\n${BODY}`);
  });
  const proxy = await startProxy({ backends: [backend.url], upstream: { retry: { attempts: 0 } } });
  const client = await connectRaw(proxy.port);
  client.send(REQUEST);
  await client.until((received) => received.includes(BODY));
  backend.connections[0]?.socket.resetAndDestroy();
  expect(await client.ended()).toBe('reset');
  expect(isWhole(client.received()), client.received()).toBe(false);
});

function isWhole(received: string): boolean {
  return readMessage(received, 0, { kind: 'response', method: 'GET' }, true) !== null;
}
