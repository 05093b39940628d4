/** A backend that lets us wait: an answer or a cut comes in time, and both connections are let go. */

import { expect, it } from 'vitest';
import { statusOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { type RecordedRequest, silent, startRecordingBackend } from '../support/recording-backend.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

const sends = (text: string) => (request: RecordedRequest) => void request.connection.socket.write(text);

async function serve(respond: (request: RecordedRequest) => void, timeouts: object) {
  const backend = await startRecordingBackend(respond);
  const proxy = await startProxy({ backends: [backend.url], upstream: { timeouts, retry: { attempts: 0 } } });
  const client = await connectRaw(proxy.port);
  client.send(REQUEST);
  const letGo = () =>
    backend.watch.until(
      () => backend.connections[0]?.gone || null,
      () => 'the backend connection is still open',
    );
  return { client, letGo };
}

it.each([
  ['says nothing', silent],
  ['stops inside its head', sends('HTTP/1.1 200 OK\r\nContent-Le')],
  ['only says that there will be an answer', sends('HTTP/1.1 103 Early Hints\r\n\r\n')],
])('a backend that %s is a 504 [F80 R59]', async (_, respond) => {
  const { client, letGo } = await serve(respond, { response_header: '150ms' });
  let answer = await client.next();
  if (statusOf(answer) === 103) answer = await client.next();
  expect([statusOf(answer), JSON.parse(answer.body).error]).toEqual([504, 'gateway_timeout']);
  await letGo();
  expect(client.unread()).toBe('');
});

it.each([
  ['a body of known length', 'Content-Length: 10\r\n\r\nhello'],
  ['chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ['a body until close', '\r\nhello'],
])('a backend that stops inside %s is a cut answer [F80 R29]', async (_, rest) => {
  const { client, letGo } = await serve(sends(`HTTP/1.1 200 OK\r\n${rest}`), { idle: '150ms' });
  await client.until((received) => received.includes('hello'));
  await expect(client.next()).rejects.toThrow('reset inside an answer');
  await letGo();
});

it('a backend that sends one byte now and then ends with the time of the whole request [F80 R29]', async () => {
  const respond = ({ connection: { socket } }: RecordedRequest) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
    const drip = setInterval(() => socket.write('x'), 20);
    socket.on('close', () => clearInterval(drip)).on('error', () => clearInterval(drip));
  };
  const { client, letGo } = await serve(respond, { idle: '5s', request: '300ms' });
  await client.until((received) => received.endsWith('x'));
  expect(await client.ended()).toBe('reset');
  await letGo();
});
