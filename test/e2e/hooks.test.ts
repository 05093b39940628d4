/** Hooks of the real proxy: what happens to real backends reaches a real receiver and real commands, and harms nobody. */

import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  serving,
  startBackendProcess,
  startProcess,
  startProxyProcess,
  startPulsegate,
  temporaryFolder,
  transitionsInOrder,
} from '../support/processes.ts';
import { listen } from '../support/recording-backend.ts';
import { createWatch } from '../support/until.ts';

// Each test starts several processes, which takes its time on a machine with other things to do.
vi.setConfig({ testTimeout: 120_000 });

const PROBE = { interval: '100ms', fast_interval: '50ms', timeout: '1s' };
const MAIN = join(import.meta.dirname, '../../dist/main.js');
const SECRET = 'sixteen letters or more';

interface Posted {
  readonly path: string;
  readonly signature: string;
  readonly text: string;
  readonly body: Record<string, unknown> & { readonly detail: { readonly evidence: object; readonly why: string } };
}

async function startReceiver(reply: (response: ServerResponse, request: IncomingMessage) => void) {
  const posted: Posted[] = [];
  const watch = createWatch();
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const signature = String(request.headers['x-pulsegate-signature']);
    posted.push({ path: request.url ?? '', signature, text, body: JSON.parse(text) as Posted['body'] });
    reply(response, request);
    watch.notify();
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const until = (holds: (posted: readonly Posted[]) => boolean) =>
    watch.until(
      () => holds(posted) || null,
      () => JSON.stringify(posted, null, 1),
      30_000,
    );
  return { url: `http://127.0.0.1:${port}`, posted, until };
}

function isOf(event: string): (posted: { readonly body: Posted['body'] }) => boolean {
  return ({ body }) => body.event === event;
}

test('a backend that dies and a pool that panics are told, signed, with the evidence', async () => {
  const receiver = await startReceiver((response) => response.end());
  const [a, b] = await Promise.all([startBackendProcess('a'), startBackendProcess('b')]);
  const proxy = await startProxyProcess({
    upstreams: {
      app: {
        backends: [a, b].map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` })),
        probe: PROBE,
        panic: { threshold: '80%' },
      },
    },
    hooks: {
      ops: {
        webhook: `${receiver.url}/hush-hush-hush`,
        secret: SECRET,
        headers: { authorization: 'Bearer very-hush' },
        on: ['down', 'panic', 'panic_end'],
        min_interval: '0s',
      },
    },
  });
  await transitionsInOrder(proxy, 'a', ['up']);
  await transitionsInOrder(proxy, 'b', ['up']);
  b.kill('SIGKILL');
  await receiver.until((posted) => posted.some(isOf('down')) && posted.some(isOf('panic')));
  const down = receiver.posted.find(isOf('down'));
  expect(down?.signature).toBe(
    `sha256=${createHmac('sha256', SECRET)
      .update(down?.text ?? '')
      .digest('hex')}`,
  );
  expect(down?.body).toMatchObject({
    hook: 'ops',
    upstream: 'app',
    backend: 'b',
    to: 'down',
    suppressed: 0,
    detail: { id: 'b', status: 'down', evidence: { probe: { verdict: 'down' } }, why: expect.any(String) },
  });
  const panic = receiver.posted.find(isOf('panic'));
  expect(panic?.body).toMatchObject({ upstream: 'app', backend: null, message: expect.stringContaining('1 of 2') });

  const back = await startBackendProcess('b', b.port);
  await receiver.until((posted) => posted.some(isOf('panic_end')));
  const events = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/events?since=0&follow=false`)).text();
  expect(events).toMatch(/^event: notice\ndata: .*"kind":"panic",/m);
  expect(events).toMatch(/^event: notice\ndata: .*"kind":"hook",.*ops done for down: 200/m);
  back.kill('SIGKILL');
  expect(proxy.lines.join('\n')).not.toContain('hush');
});

test('a command restarts what died, and one that hangs or floods is ended', async () => {
  const folder = temporaryFolder();
  const told = join(folder, 'told');
  const restart = join(folder, 'restart.mjs');
  // What a supervisor would do: note what it was told, and start the backend again.
  writeFileSync(
    restart,
    `import { appendFileSync, openSync } from 'node:fs';
     import { spawn } from 'node:child_process';
     const [backend, script] = process.argv.slice(2);
     let text = '';
     for await (const chunk of process.stdin) text += chunk;
     const { detail } = JSON.parse(text);
     const { PULSEGATE_BACKEND, PULSEGATE_TO } = process.env;
     const child = spawn(process.execPath, [script, backend, new URL(detail.url).port], { detached: true, stdio: 'ignore' });
     child.unref();
     appendFileSync(${JSON.stringify(told)}, \`\${PULSEGATE_BACKEND} \${PULSEGATE_TO} \${child.pid}\\n\`);`,
  );
  const backend = await startBackendProcess('b');
  const proxy = await startProxyProcess({
    upstreams: {
      app: {
        backends: [{ id: 'b', url: `http://127.0.0.1:${backend.port}` }],
        probe: PROBE,
      },
    },
    hooks: {
      restart: {
        exec: [process.execPath, restart, '{backend}', join(import.meta.dirname, '../support/backend-process.mjs')],
        on: ['down'],
        min_interval: '1h',
      },
      hang: { exec: ['sleep', '1000'], on: ['down'], timeout: '100ms' },
      flood: {
        exec: ['sh', '-c', 'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done'],
        on: ['down'],
        timeout: '200ms',
      },
    },
  });
  await transitionsInOrder(proxy, 'b', ['up']);
  backend.kill('SIGKILL');
  onTestFinished(() => {
    for (const line of readFileSync(told, 'utf8').trim().split('\n'))
      process.kill(Number(line.split(' ')[2]), 'SIGKILL');
  });
  // A trial is judged by a request.
  await transitionsInOrder(proxy, 'b', ['up', 'down', 'trial']);
  expect(readFileSync(told, 'utf8')).toMatch(/^b down \d+\n$/);
  expect(await (await fetch(`http://127.0.0.1:${proxy.port}/x`)).text()).toBe('b /x');
  const failures = await proxy.watch.until(
    () => {
      const lines = proxy.lines.filter((line) => line.includes('failed for down: killed after'));
      return lines.length === 2 ? lines : null;
    },
    () => proxy.lines.join('\n'),
    30_000,
  );
  expect(failures.map((line) => (JSON.parse(line) as { hook: string }).hook).sort()).toEqual(['flood', 'hang']);
  for (const line of failures) expect(line.length).toBeLessThan(10_000);
});

test('a receiver that never answers holds up neither requests nor the stop', async () => {
  const receiver = await startReceiver(() => {});
  const [a, b] = await Promise.all([startBackendProcess('a'), startBackendProcess('b')]);
  const proxy = await startProxyProcess({
    drain: { timeout: '0s' },
    upstreams: {
      app: {
        backends: [a, b].map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` })),
        probe: PROBE,
      },
    },
    hooks: { ops: { webhook: receiver.url, on: ['down'], timeout: '1h' } },
  });
  await transitionsInOrder(proxy, 'a', ['up']);
  await transitionsInOrder(proxy, 'b', ['up']);
  b.kill('SIGKILL');
  await receiver.until((posted) => posted.length === 1);
  for (let n = 0; n < 20; n++) expect((await fetch(`http://127.0.0.1:${proxy.port}/`)).status).toBe(200);
  proxy.kill('SIGTERM');
  expect(await proxy.exited).toBe(0);
});

test('hooks come with `pulsegate reload`, which refuses what is wrong with its places, and hide in GET /config', async () => {
  const receiver = await startReceiver((response) => response.end());
  const [a, b] = await Promise.all([startBackendProcess('a'), startBackendProcess('b')]);
  const file = join(temporaryFolder(), 'pulsegate.yaml');
  const write = (hooks: object) =>
    writeFileSync(
      file,
      JSON.stringify({
        listeners: [{ bind: '127.0.0.1:0' }],
        admin: { bind: '127.0.0.1:0' },
        upstreams: {
          app: {
            backends: [a, b].map(({ id, port }) => ({ id, url: `http://127.0.0.1:${port}` })),
            probe: PROBE,
            alerts: Object.keys(hooks),
          },
        },
        hooks,
      }),
    );
  write({});
  const proxy = await serving(startPulsegate(['run', '-c', file, '--log-format', 'json']));
  const admin = `http://127.0.0.1:${proxy.adminPort}`;
  for (const id of ['a', 'b']) await transitionsInOrder(proxy, id, ['up']);
  const reload = async () => {
    const running = startProcess(process.execPath, [MAIN, 'reload', '--admin', admin]);
    return { code: await running.exited, text: running.lines.join('\n') };
  };

  write({ ops: { webhook: `${receiver.url}/hush-hush-hush`, on: ['dwon'] } });
  const refused = await reload();
  expect(refused.code).toBe(2);
  expect(refused.text).toMatch(/pulsegate\.yaml:1:\d+ hooks\.ops\.on\[0\]: must be one of .*did you mean "down"\?/);
  expect(refused.text).toContain('stays in force');

  write({ ops: { webhook: `${receiver.url}/hush-hush-hush`, on: ['down'] } });
  expect(await reload()).toEqual({ code: 0, text: expect.stringMatching(/^reloaded: generation 2\b/) });
  b.kill('SIGKILL');
  await receiver.until((posted) => posted.some(isOf('down')));
  const effective = await (await fetch(`${admin}/config`)).text();
  expect(effective).toContain('"ops"');
  expect(effective).not.toContain('hush');
  expect(proxy.lines.join('\n')).not.toContain('hush');
});
