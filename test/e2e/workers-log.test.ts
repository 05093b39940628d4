/** Workers write their access logs to one pipe: whoever reads it slowly gets whole lines. */

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { freePort, startBackendProcess, temporaryFolder } from '../support/processes.ts';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const REQUESTS = 400;
/** Such lines fill a pipe of 64 KiB long before it is read. */
const LONG = 'x'.repeat(1_000);

function get(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    });
    sent.once('error', () => resolve(0));
    sent.end();
  });
}

it('lines of several workers stay whole, however slowly they are read', { timeout: 90_000 }, async () => {
  const backend = await startBackendProcess('a');
  const port = await freePort();
  const file = join(temporaryFolder(), 'pulsegate.yaml');
  const config = {
    workers: 2,
    listeners: [{ bind: `127.0.0.1:${port}` }],
    admin: { bind: null },
    upstreams: { app: { backends: [{ id: 'a', url: `http://127.0.0.1:${backend.port}` }] } },
  };
  writeFileSync(file, JSON.stringify(config));
  const proxy = spawn(process.execPath, [MAIN, 'run', '-c', file, '--log-format', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => proxy.once('exit', resolve));
  onTestFinished(async () => {
    proxy.kill('SIGTERM');
    proxy.kill('SIGTERM');
    await exited;
  });
  await expect.poll(() => get(port, '/'), { timeout: 60_000, interval: 100 }).toBe(200);
  for (let sent = 0; sent < REQUESTS; sent += 20) {
    const statuses = await Promise.all(Array.from({ length: 20 }, (_, n) => get(port, `/n${sent + n}?${LONG}`)));
    expect(statuses).toEqual(statuses.map(() => 200));
  }
  // Only now is the pipe read.
  let text = '';
  proxy.stdout.setEncoding('utf8');
  proxy.stdout.on('data', (chunk: string) => {
    text += chunk;
  });
  proxy.kill('SIGTERM');
  await exited;
  const lines = text.trimEnd().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as { worker?: number; target?: string });
  const targets = entries.map(({ target }) => target ?? '').filter((target) => target.endsWith(LONG));
  expect(new Set(targets).size).toBe(REQUESTS);
  expect(new Set(entries.flatMap(({ worker }) => worker ?? [])).size).toBe(2);
});
