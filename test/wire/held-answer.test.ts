/** A short answer is held until it is whole: one that is cut short is had from another backend instead. */

import { expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { type Responder, startRecordingBackend } from '../support/recording-backend.ts';

const CUTS = [
  'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n',
  'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nonly half',
  `HTTP/1.1 200 OK\r\ncontent-length: 16384\r\n\r\n${'x'.repeat(16_383)}`,
];

const cutting =
  (text: string): Responder =>
  ({ connection: { socket } }) =>
    socket.end(text, 'latin1');

async function startPair(text: string) {
  const bad = await startRecordingBackend(cutting(text));
  const good = await startRecordingBackend();
  const { port } = await startProxy({ backends: [bad.url, good.url], upstream: { balance: 'first' } });
  return { bad, good, url: `http://127.0.0.1:${port}/` };
}

it.each(CUTS)('[F74] a GET is answered by the next backend (%#)', async (text) => {
  const { bad, good, url } = await startPair(text);
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  expect(await answer.text()).not.toContain('only half');
  expect([bad.requests.length, good.requests.length]).toEqual([1, 1]);
});

it.each(CUTS)('[F74] [F86] a POST is not sent twice, and its answer does not look whole (%#)', async (text) => {
  const { bad, good, url } = await startPair(text);
  const answer = fetch(url, { method: 'POST', body: 'once' }).then((whole) => whole.text());
  await expect(answer).rejects.toThrow();
  expect([bad.requests.length, good.requests.length]).toEqual([1, 0]);
});

it('what is long goes out as it comes', async () => {
  const backend = await startRecordingBackend(({ connection: { socket } }) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 16385\r\n\r\nfirst`);
  });
  const { port } = await startProxy({ backends: [backend.url] });
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  expect(Buffer.from(value as Uint8Array).toString()).toBe('first');
  await reader.cancel();
});

it('what comes in pieces is whole, and in order', async () => {
  const backend = await startRecordingBackend(({ connection: { socket } }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\none');
    setImmediate(() => socket.write('two', () => setImmediate(() => socket.write('333'))));
  });
  const { port } = await startProxy({ backends: [backend.url] });
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('onetwo333');
});
