/**
 * What is sent again after a backend failed, by method and by how far the request had come. Each request has an id, and
 * backends count how often they got it: a request that may have been acted on is acted on once.
 */

import { expect, it } from 'vitest';
import { statusOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { echo, type RecordedRequest, startRecordingBackend } from '../support/recording-backend.ts';

const REPEATABLE = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];
const OTHERS = ['POST', 'PATCH', 'PURGE'];

const FAILURES = {
  'closes without an answer': ({ connection: { socket } }) => socket.end(),
  'resets without an answer': ({ connection: { socket } }) => socket.resetAndDestroy(),
  'closes inside the head of its answer': ({ connection: { socket } }) => socket.end('HTTP/1.1 200 O'),
  'answers 503': ({ connection: { socket } }) => socket.write('HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n'),
} satisfies Record<string, (request: RecordedRequest) => void>;

/** The first to get a request fails it; everybody serves what comes again. */
async function serve(fail: (request: RecordedRequest) => void, method: string) {
  const seen = new Map<string, number>();
  const respond = (request: RecordedRequest) => {
    const count = (seen.get(request.startLine) ?? 0) + 1;
    seen.set(request.startLine, count);
    if (count === 1 && request.startLine.includes('/fails')) fail(request);
    else echo(request);
  };
  const backends = await Promise.all([startRecordingBackend(respond), startRecordingBackend(respond)]);
  const proxy = await startProxy({ backends: backends.map(({ url }) => url) });
  const client = await connectRaw(proxy.port);
  client.send(`${method} /fails HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi`);
  const answer = await client.next(method);
  return { status: statusOf(answer), executions: seen.get(`${method} /fails HTTP/1.1`) };
}

const cases = Object.entries(FAILURES).flatMap(([how, fail]) =>
  [...REPEATABLE, ...OTHERS].map((method) => [how, method, fail] as const),
);

it.each(cases)('a backend %s: %s is executed as often as it may be [R58 F75 F86]', async (how, method, fail) => {
  const failed = how === 'answers 503' ? 503 : 502;
  const again = REPEATABLE.includes(method);
  expect(await serve(fail, method)).toEqual({ status: again ? 200 : failed, executions: again ? 2 : 1 });
});

it.each([...REPEATABLE, ...OTHERS])(
  '%s goes elsewhere when a backend refuses the connection: nothing was sent [R58 F75 F86]',
  async (method) => {
    const backend = await startRecordingBackend();
    // Nothing listens on the discard port.
    const proxy = await startProxy({
      backends: ['http://127.0.0.1:9', backend.url],
      upstream: { balance: 'round_robin' },
    });
    const client = await connectRaw(proxy.port);
    for (let i = 0; i < 2; i++) {
      client.send(`${method} /${i} HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi`);
      expect(statusOf(await client.next(method))).toBe(200);
    }
    expect(backend.requests.map(({ startLine }) => startLine)).toEqual([
      `${method} /0 HTTP/1.1`,
      `${method} /1 HTTP/1.1`,
    ]);
  },
);

/** Twenty requests, one after another, each of which some backend answers with 503; the budget alone allows one retry. */
async function askTwenty(isOnlyTheFirst: boolean) {
  const seen = new Set<string>();
  let executions = 0;
  const respond = (request: RecordedRequest) => {
    executions++;
    if (isOnlyTheFirst && seen.has(request.startLine)) echo(request);
    else FAILURES['answers 503'](request);
    seen.add(request.startLine);
  };
  const backends = await Promise.all([startRecordingBackend(respond), startRecordingBackend(respond)]);
  const proxy = await startProxy({
    backends: backends.map(({ url }) => url),
    upstream: { retry: { budget: '1%', min_per_second: 0 } },
  });
  const client = await connectRaw(proxy.port);
  let answered = 0;
  for (let i = 0; i < 20; i++) {
    client.send(`GET /${i} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
    if (statusOf(await client.next('GET')) === 200) answered++;
  }
  return { answered, executions };
}

it('retries that bring an answer do not use up the budget [F86]', async () => {
  expect(await askTwenty(true)).toEqual({ answered: 20, executions: 40 });
});

it('retries that fail use up the budget [F86]', async () => {
  expect(await askTwenty(false)).toEqual({ answered: 0, executions: 21 });
});
