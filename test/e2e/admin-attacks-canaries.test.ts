/**
 * Secrets go in everywhere and must come out nowhere: those of the configuration, however they got there, and those that clients
 * and backends exchange. Everything that the program says is searched for them: logs at the finest level, every admin answer,
 * `check`, the problems of a broken configuration, own answers to clients, and the state file.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { serving, startPulsegateWith, temporaryFolder } from '../support/processes.ts';
import { rawExchange } from '../support/raw-client.ts';
import { listen, startRecordingBackend } from '../support/recording-backend.ts';

vi.setConfig({ testTimeout: 60_000 });

const MAIN = join(import.meta.dirname, '../../dist/main.js');

/** Each of its own, so that a leak names itself. */
const canary = (place: string) => `canary-${place}-5f0c9d2e`;

const ENV = {
  TOKEN: canary('token'),
  STICKY: canary('sticky'),
  LABEL: canary('label'),
  PROBE_KEY: canary('probe'),
  ROLE: canary('role'),
  HOOK_URL: `http://127.0.0.1:9/${canary('path')}?key=${canary('query')}`,
  URL_WITH_USER: `http://${canary('user')}:${canary('password')}@127.0.0.1:9/`,
  HOOK_HEADER: canary('hook-header'),
};

/** A backend that closes what it accepts: its clients get 502. */
async function startBrokenBackend(): Promise<number> {
  const server = createServer((socket) => void socket.resetAndDestroy());
  onTestFinished(() => void server.close());
  return listen(server);
}

test('no secret leaves by any door [F141 F142]', async () => {
  const folder = temporaryFolder();
  const [keyFile, config, state] = ['key', 'pulsegate.yaml', 'state.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(keyFile, `${canary('heartbeat-file')}\n`);
  const backend = await startRecordingBackend((request) => {
    const cookie = `session=${canary('set-cookie')}`;
    const head = `HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: ${cookie}\r\nx-secret: ${canary('answer-header')}\r\n\r\nok`;
    request.connection.socket.write(head);
  });
  const broken = await startBrokenBackend();
  const file = {
    log: { level: 'trace', access: true },
    state_file: state,
    listeners: [
      {
        bind: '127.0.0.1:0',
        routes: [
          { path: '/broken', upstream: 'broken' },
          { path: '/nobody', upstream: 'nobody' },
          { path: '/', upstream: 'app' },
        ],
      },
    ],
    admin: { bind: '127.0.0.1:0', token: '${env:TOKEN}' },
    heartbeats: {
      bind: '127.0.0.1:0',
      keys: [
        { id: 'one', secret: `\${file:${keyFile}}`, upstreams: ['app'] },
        { id: 'two', secret: canary('heartbeat-literal'), upstreams: ['app'] },
      ],
    },
    upstreams: {
      app: {
        backends: [{ id: 'a', url: backend.url, labels: { note: '${env:LABEL}' } }],
        initial_state: 'last',
        balance: 'round_robin',
        sticky: { secret: '${env:STICKY}' },
        probe: { path: '/healthz?key=${env:PROBE_KEY}', interval: '200ms', expect: { body: '${env:PROBE_KEY}' } },
      },
      broken: { backends: [`http://127.0.0.1:${broken}`], probe: { path: '/${env:PROBE_KEY}', interval: '200ms' } },
      nobody: { backends: [backend.url], require_role: '${env:ROLE}', probe: false },
    },
    hooks: {
      ops: {
        webhook: '${env:HOOK_URL}',
        headers: { 'x-key': '${env:HOOK_HEADER}', 'x-other': canary('hook-literal') },
        secret: canary('hook-secret'),
        on: ['up', 'down', 'ejected', 'suspect', 'draining'],
        min_interval: '1s',
      },
    },
  };
  writeFileSync(config, JSON.stringify(file));
  const said = new Map<string, string>();

  const checked = spawnSync(process.execPath, [MAIN, 'check', '-c', config], {
    env: { ...process.env, ...ENV },
    encoding: 'utf8',
  });
  said.set('check', checked.stdout + checked.stderr);
  expect(said.get('check')).toMatch(/^ok\n/);

  const running = startPulsegateWith(ENV, ['run', '-c', config, '--log-format', 'json', '--log-level', 'trace']);
  const proxy = await serving(running);

  const secretHeaders = [
    `Authorization: Bearer ${canary('authorization')}`,
    `Cookie: session=${canary('cookie')}; pulsegate=${canary('sticky-cookie')}`,
    `Proxy-Authorization: Basic ${canary('proxy-authorization')}`,
    `X-Api-Key: ${canary('api-key')}`,
  ].join('\r\n');
  for (const path of ['/', '/broken', '/nobody', '/%00', '/..', '/x y']) {
    const body = canary('body');
    const head = `POST ${path} HTTP/1.1\r\nHost: a.example\r\n${secretHeaders}\r\nContent-Length: ${body.length}`;
    const { received } = await rawExchange(proxy.port, `${head}\r\nConnection: close\r\n\r\n${body}`);
    // What the backend answers is the client's.
    said.set(`own answer to ${path}`, received.startsWith('HTTP/1.1 200 ') ? '' : received);
    expect(received).toMatch(/^HTTP\/1\.1 /);
  }
  await rawExchange(proxy.port, `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n${secretHeaders}\r\n\r\n`);
  await rawExchange(proxy.port, `GET / HTTP/1.1\r\nHost: a\r\n${secretHeaders}\r\nBroken\r\n\r\n`);
  await rawExchange(proxy.port, `\x16\x03\x01${canary('no-http')}\r\n\r\n`);

  const admin = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${proxy.adminPort}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${ENV.TOKEN}`, ...init.headers },
    });
  const listenLog = proxy.lines.find((line) => line.includes('"listeners"')) ?? '';
  expect(listenLog).not.toBe('');
  const reads = ['/health', '/health/app', '/health/app/a', '/health/broken', '/health/nobody', '/config', '/metrics'];
  for (const path of [...reads, '/events?since=0&follow=false', '/recording', '/', '/livez', '/readyz', '/none']) {
    said.set(`GET ${path}`, await (await admin(path)).text());
  }
  expect(said.get('GET /config')).toContain('"upstreams"');
  for (const [path, body] of [
    ['/upstreams/app/backends/a/weight', `{"weight":"${canary('weight')}"}`],
    ['/upstreams/app/backends/a/weight', canary('no-json')],
  ] as const) {
    const headers = { 'content-type': 'application/json' };
    said.set(`PUT ${path}`, await (await admin(path, { method: 'PUT', headers, body })).text());
  }
  const wrong = { authorization: `Bearer ${canary('wrong-token')}`, cookie: canary('admin-cookie') };
  said.set('a wrong token', await (await admin('/health', { headers: wrong })).text());
  said.set('a drain', await (await admin('/upstreams/app/backends/a/drain', { method: 'POST' })).text());

  // Every secret in a place where it is wrong, so that a problem is made of each.
  const secrets = Object.keys(ENV).map((name) => `\${env:${name}}`);
  const wrongs = Object.fromEntries(
    secrets.map((text, i) => [`u${i}`, { backends: [text], balance: text, host: text }]),
  );
  const invalid = { ...file, upstreams: wrongs, drain: { delay: `\${file:${keyFile}}` }, via: secrets.join(' ') };
  writeFileSync(config, JSON.stringify(invalid));
  const reload = await admin('/config/reload', { method: 'POST' });
  expect(reload.status).toBe(422);
  said.set('problems', await reload.text());
  expect(said.get('problems')).toContain('env:TOKEN');
  proxy.kill('SIGHUP');
  writeFileSync(config, 'admin: { token: *nothing }');
  said.set('problems of YAML', await (await admin('/config/reload', { method: 'POST' })).text());
  writeFileSync(config, JSON.stringify(file));
  expect((await admin('/config/reload', { method: 'POST' })).status).toBe(200);

  proxy.kill('SIGTERM');
  expect(await proxy.exited).toBe(0);
  said.set('the log', proxy.lines.join('\n'));
  said.set('the state file', existsSync(state) ? readFileSync(state, 'utf8') : '');
  expect(said.get('the log')).toContain('"msg":"request"');
  expect(said.get('the log')).toContain('hook');

  const leaks = [...said].flatMap(([place, text]) =>
    [...new Set([...text.matchAll(/canary-[a-z-]+(?=-5f0c9d2e)/g)].map(([found]) => found))].map(
      (found) => `${found} in ${place}`,
    ),
  );
  expect(leaks).toEqual([]);
  // The token is known to the client that gives it, and to no answer.
  expect([...said.values()].join('')).not.toContain(ENV.TOKEN);
});
