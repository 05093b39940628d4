/** A heap that requests have filled: those that are under way are answered, the rest is sent away, and the process lives. */

import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { headerOf, readMessage, statusOf } from '../support/message-reader.ts';
import { serving, startPulsegateWith, temporaryFolder } from '../support/processes.ts';
import { connectRaw } from '../support/raw-client.ts';
import { type RecordedRequest, type RecordingBackend, startRecordingBackend } from '../support/recording-backend.ts';

const HEAP_MIB = 128;
/** Of which nearly all is kept while a request is under way. */
const HEAD_BYTES = 60_000;
const FIELDS = 90;
/** Several times what fits. */
const MOST_REQUESTS = 6_000;
const BATCH = 25;
const REQUESTS_AFTERWARDS = 500;
const PATIENCE_MS = 40_000;

const HEAD = [
  'GET /held HTTP/1.1',
  'Host: a.example',
  ...Array.from({ length: FIELDS }, (_, n) => `x-field-${n}: ${'v'.repeat(HEAD_BYTES / FIELDS - 15)}`),
  '\r\n',
].join('\r\n');

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

interface Client {
  received: string;
  hasEnded: boolean;
}

function send(port: number, backend: RecordingBackend): Client {
  const client = { received: '', hasEnded: false };
  const socket = connect(port, '127.0.0.1', () => socket.write(HEAD, 'latin1'));
  socket.on('data', (chunk) => {
    client.received += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    client.hasEnded = true;
    backend.watch.notify();
  });
  onTestFinished(() => void socket.destroy());
  return client;
}

it('a heap full of requests costs those that are new, and none that is under way [F67]', {
  timeout: 120_000,
}, async () => {
  let held: RecordedRequest[] = [];
  const backend = await startRecordingBackend((request) => {
    if (request.startLine.includes('/held')) held.push(request);
    else request.connection.socket.write(ANSWER);
  });
  const limits = { connections: MOST_REQUESTS, pending: MOST_REQUESTS };
  const config = join(temporaryFolder(), 'pulsegate.yaml');
  const settings = {
    listeners: [{ bind: '127.0.0.1:0', limits: { header_bytes: '128KiB' } }],
    admin: { bind: '127.0.0.1:0' },
    log: { access: false },
    upstreams: { app: { backends: [backend.url], probe: false, outliers: false, limits, retry: { rescue: null } } },
  };
  writeFileSync(config, JSON.stringify(settings));
  const options = { NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB} --max-semi-space-size=1` };
  const proxy = await serving(startPulsegateWith(options, ['run', '-c', config, '--log-format', 'json']));
  const says = (text: string) =>
    proxy.watch.until(
      () => proxy.lines.some((line) => line.includes(text)) || null,
      () => `it never says that ${text}: ${proxy.lines.join('\n')}`,
      PATIENCE_MS,
    );

  const clients: Client[] = [];
  const ended = () => clients.filter(({ hasEnded }) => hasEnded).length;
  const heard = () =>
    backend.watch.until(
      () => ended() + held.length >= clients.length || null,
      () => `of ${clients.length} requests ${held.length} have come, and ${ended()} connections have ended`,
      PATIENCE_MS,
    );
  while (clients.length < MOST_REQUESTS && ended() === 0) {
    for (let n = 0; n < BATCH; n++) clients.push(send(proxy.port, backend));
    await heard();
  }
  await says('new requests are refused');
  expect(await statusOfGet(proxy.adminPort, '/health')).toBe(200);
  const accepted = held.length;
  for (const { connection } of held) connection.socket.write(ANSWER);
  held = [];
  await heard();
  const answers = clients.flatMap(({ received }) => {
    const answer = readMessage(received, 0, { kind: 'response', method: 'GET' }, true);
    return answer === null ? [] : [{ status: statusOf(answer), connection: headerOf(answer, 'connection') }];
  });
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(accepted);
  expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
  expect(answers.filter(({ connection }) => connection !== 'close')).toEqual([]);

  // V8 looks for garbage when there is something to do.
  for (let n = 0; n < REQUESTS_AFTERWARDS; n++) expect(await statusOfGet(proxy.port, '/quick')).toBe(200);
  await says('memory suffices again');
  const late = await connectRaw(proxy.port);
  late.send('GET /quick HTTP/1.1\r\nHost: a.example\r\n\r\n');
  const answer = await late.next();
  expect(statusOf(answer)).toBe(200);
  expect(headerOf(answer, 'connection')).toBeNull();
});

function statusOfGet(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}
