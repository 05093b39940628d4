/** A reload with a wrong probe path: everybody who served goes on serving, and a correction ends it. */

import { expect, test } from 'vitest';
import { startRecordingBackend } from '../support/recording-backend.ts';
import { startReloading } from '../support/reloading.ts';

const PROBE = { interval: '100ms', fast_interval: '50ms', timeout: '1s', rise: 1, fall: 2 };

test('a wrong probe path takes nobody out of service [F117]', { timeout: 40_000 }, async () => {
  const backends = await Promise.all(
    ['a', 'b', 'c'].map(() =>
      startRecordingBackend(({ startLine, connection: { socket } }) => {
        const status = startLine.includes('/nowhere') ? '404 Not Found' : '200 OK';
        socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
      }),
    ),
  );
  const upstreams = (path: string) => ({
    app: { backends: backends.map(({ url }) => url), probe: { ...PROBE, path }, slow_start: null },
  });
  const proxy = await startReloading({ upstreams: upstreams('/healthz') });
  const statuses = async () => {
    const report = (await (await fetch(`${proxy.adminUrl}/health/app`)).json()) as { backends: { status: string }[] };
    return report.backends.map(({ status }) => status);
  };
  await expect.poll(statuses, { timeout: 10_000 }).toEqual(['up', 'up', 'up']);

  await proxy.reload({ upstreams: upstreams('/nowhere') });
  await expect.poll(statuses, { timeout: 10_000 }).toEqual(['suspect', 'suspect', 'suspect']);
  const asked = () =>
    Math.min(
      ...backends.map(({ requests }) => requests.filter(({ startLine }) => startLine.includes('/nowhere')).length),
    );
  await expect.poll(asked, { timeout: 10_000 }).toBeGreaterThan(10);
  expect(await statuses()).toEqual(['suspect', 'suspect', 'suspect']);
  expect((await proxy.get('/')).status).toBe(200);
  const why = (await (await fetch(`${proxy.adminUrl}/health/app`)).json()) as { backends: { reason: string }[] };
  expect(why.backends[0]?.reason).toContain('probes ask something else since the reload');

  await proxy.reload({ upstreams: upstreams('/healthz') });
  await expect.poll(statuses, { timeout: 10_000 }).toEqual(['up', 'up', 'up']);
});
