/** A machine that is gone without a word: its idle connections are as dead as the one that timed out. */

import { expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';
import { type RecordedRequest, startRecordingBackend } from '../support/recording-backend.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

it('one time-out takes the idle connections to the same backend with it [F81]', async () => {
  const waiting: RecordedRequest[] = [];
  const backend = await startRecordingBackend((request) => waiting.push(request));
  const { port } = await startProxy({
    backends: [backend.url],
    upstream: { retry: { attempts: 0 }, timeouts: { response_header: '200ms' } },
  });
  const ask = () => fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status);
  // Two at once open two connections, which idle afterwards.
  const both = [ask(), ask()];
  await backend.watch.until(
    () => (waiting.length === 2 ? true : null),
    () => `${waiting.length} of 2 requests came`,
  );
  for (const { connection } of waiting) connection.socket.write(OK);
  expect(await Promise.all(both)).toEqual([200, 200]);
  expect(backend.connections.map(({ gone }) => gone)).toEqual([false, false]);

  expect(await ask()).toBe(504);
  await backend.watch.until(
    () => (backend.connections.every(({ gone }) => gone) ? true : null),
    () => 'a connection to a backend that does not answer was kept',
  );
  expect(backend.connections).toHaveLength(2);
});
