/** A client that goes on sending while it is refused still gets the whole refusal: the connection is closed in stages. */

import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { readMessage, statusOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';

const PIECE = Buffer.alloc(16_384, 'x');
const PIECES = 16;

it.each([
  ['a body above the limit', 'Content-Length: 1000000', 413],
  ['chunks above the limit', 'Transfer-Encoding: chunked', 413],
  ['a malformed field', 'Content-Length: +1', 400],
])('%s: the answer arrives while the body is still on its way [R35]', async (_, framing, status) => {
  const backend = await startRecordingBackend();
  const proxy = await startProxy({ backends: [backend.url], listener: { limits: { body_bytes: '1KiB' } } });
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let received = '';
  // The answer is not read before everything has been sent: a reset on the way would take it from the kernel's buffer.
  socket.pause();
  socket.write(`POST / HTTP/1.1\r\nHost: a.example\r\n${framing}\r\n\r\n${'fff\r\n'}`);
  for (let i = 0; i < PIECES; i++) {
    await new Promise<void>((resolve, reject) => socket.write(PIECE, (error) => (error ? reject(error) : resolve())));
  }
  const ended = new Promise<string>((resolve) => {
    socket.once('end', () => resolve('closed')).once('error', (error) => resolve(error.message));
  });
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  socket.resume();
  expect(await ended).toBe('closed');
  const answer = readMessage(received, 0, { kind: 'response', method: 'POST' }, true);
  expect(answer && statusOf(answer)).toBe(status);
  expect(answer?.end).toBe(received.length);
});
