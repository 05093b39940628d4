import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { exchangeBytes, type Running, startFake } from './fake-control.ts';

const JSON_HEADERS = { 'content-type': 'application/json' };

let running: Running | null = null;

async function start(token: string | null = null): Promise<Running> {
  running = await startFake(token);
  return running;
}

afterEach(async () => {
  await running?.server.close();
  running = null;
});

function change(url: string, method: string, path: string, body?: string): Promise<Response> {
  return fetch(`${url}${path}`, { method, headers: JSON_HEADERS, ...(body === undefined ? {} : { body }) });
}

describe('reading', () => {
  it('is alive while the process turns', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it('is ready until something is missing, then says what', async () => {
    const { url, control } = await start();
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    control.reasons = ['upstream app has no available backend', 'stopping'];
    const answer = await fetch(`${url}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({
      error: 'not_ready',
      message: 'upstream app has no available backend; stopping',
      reasons: ['upstream app has no available backend', 'stopping'],
    });
  });

  it('answers the whole picture with 200, and with 503 while an upstream has no available backend', async () => {
    const { url, control } = await start();
    const whole = await fetch(`${url}/health?pretty`);
    expect(whole.status).toBe(200);
    expect(await whole.json()).toEqual(control.health());
    control.setStatus('app', 'a', 'down');
    expect((await fetch(`${url}/health`)).status).toBe(200);
    control.setStatus('app', '127.0.0.1:3002', 'ejected');
    const down = await fetch(`${url}/health`);
    expect(down.status).toBe(503);
    expect(await down.json()).toEqual(control.health());
  });

  it('answers one upstream, and one backend with its evidence', async () => {
    const { url, control } = await start();
    expect(await (await fetch(`${url}/health/app`)).json()).toEqual(control.upstream('app')?.report());
    const backend = await fetch(`${url}/health/app/127.0.0.1:3002`);
    expect(await backend.json()).toEqual(control.upstream('app')?.backend('127.0.0.1:3002'));
  });

  it('decodes each segment by itself: an encoded slash belongs to the name', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/health/app/127.0.0.1%3A3002`)).status).toBe(200);
    expect((await fetch(`${url}/health/odd%2Fname/x`)).status).toBe(200);
    expect((await fetch(`${url}/health/odd/name/x`)).status).toBe(404);
    expect((await fetch(`${url}/health%2Fapp`)).status).toBe(404);
  });

  it.each([
    ['/health/nope', 'unknown_upstream'],
    ['/health/app/nope', 'unknown_backend'],
    ['/health/APP', 'unknown_upstream'],
    ['/health/__proto__/constructor', 'unknown_upstream'],
    ['/nope', 'not_found'],
    ['/health/', 'not_found'],
    ['//health', 'not_found'],
  ])('answers GET %s with 404 %s', async (path, error) => {
    const { url } = await start();
    const answer = await fetch(`${url}${path}`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({ error, message: expect.any(String) });
  });

  it('refuses a path that is no percent-encoding', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/health/%E0%A4%A`)).status).toBe(400);
    expect((await fetch(`${url}/health/%zz`)).status).toBe(400);
  });

  it('answers HEAD as GET, without the body', async () => {
    const { port } = await start();
    const head = 'HEAD /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';
    const received = await exchangeBytes(port, head);
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(received).toMatch(/content-length: [1-9]/);
    expect(received.endsWith('\r\n\r\n')).toBe(true);
  });
});

describe('changing', () => {
  it('drains, disables and enables a backend, and answers with it', async () => {
    const { url, control } = await start();
    for (const [action, status] of [
      ['drain', 'draining'],
      ['disable', 'disabled'],
      ['enable', 'up'],
    ]) {
      const answer = await change(url, 'POST', `/upstreams/app/backends/a/${action}`);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual(control.upstream('app')?.backend('a'));
      expect(control.upstream('app')?.backend('a')?.status).toBe(status);
    }
    expect(control.changes).toEqual(['app/a draining', 'app/a disabled', 'app/a enabled']);
  });

  it('changes a weight', async () => {
    const { url, control } = await start();
    const answer = await change(url, 'PUT', '/upstreams/app/backends/127.0.0.1:3002/weight', '{"weight": 2.5}');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ id: '127.0.0.1:3002', weight: 2.5 });
    expect(control.changes).toEqual(['app/127.0.0.1:3002 weight 2.5']);
  });

  it.each([
    '{"weight":0}',
    '{"weight":-1}',
    '{"weight":1e999}',
    '{"weight":"2"}',
    '{"weight":null}',
    '{"weight":2,"x":1}',
    '{"Weight":2}',
    '[2]',
    '2',
    'null',
    '{}',
    '',
    '{"weight":2',
    '{"weight":2}x',
    "{'weight':2}",
    '{"weight":NaN}',
    '{"weight":0x2}',
  ])('refuses the weight %j', async (body) => {
    const { url, control } = await start();
    expect((await change(url, 'PUT', '/upstreams/app/backends/a/weight', body)).status).toBe(400);
    expect(control.changes).toEqual([]);
  });

  it('reloads, and says which generation is in force', async () => {
    const { url, control } = await start();
    const answer = await change(url, 'POST', '/config/reload');
    expect([answer.status, await answer.json()]).toEqual([200, { generation: 2 }]);
    expect(control.changes).toEqual([expect.stringMatching(/^reload for POST \/config\/reload by 127\.0\.0\.1:/)]);
    expect((await fetch(`${url}/config/reload`)).status).toBe(405);
  });

  it('answers 422 with every problem when the configuration is of no use', async () => {
    const { url, control } = await start();
    const problems = [{ file: 'pulsegate.yaml', line: 3, column: 7, path: 'upstreams.app', message: 'is wrong' }];
    control.reload = async () => ({ ok: false, message: 'it is wrong', problems });
    const answer = await change(url, 'POST', '/config/reload');
    expect(answer.status).toBe(422);
    expect(await answer.json()).toEqual({ error: 'invalid_config', message: 'it is wrong', problems });
  });

  it('shows the configuration in force', async () => {
    const { url } = await start();
    expect(await (await fetch(`${url}/config`)).json()).toEqual({ via: 'pulsegate' });
  });

  it('answers 404 for a change of what does not exist', async () => {
    const { url, control } = await start();
    expect((await change(url, 'POST', '/upstreams/app/backends/z/drain')).status).toBe(404);
    expect((await change(url, 'POST', '/upstreams/z/backends/a/drain')).status).toBe(404);
    expect((await change(url, 'PUT', '/upstreams/app/backends/z/weight', '{"weight":2}')).status).toBe(404);
    expect(control.changes).toEqual([]);
  });

  it('refuses a body above 4 KiB, announced or chunked, and takes one of exactly 4 KiB', async () => {
    const { url, port, control } = await start();
    const largest = '{"weight":2}'.padEnd(4_096, ' ');
    expect((await change(url, 'PUT', '/upstreams/app/backends/a/weight', largest)).status).toBe(200);
    expect((await change(url, 'PUT', '/upstreams/app/backends/a/weight', `${largest} `)).status).toBe(413);
    const head =
      'PUT /upstreams/app/backends/a/weight HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n';
    const chunk = `800\r\n${' '.repeat(0x800)}\r\n`;
    expect(await exchangeBytes(port, head + chunk.repeat(3))).toMatch(/^HTTP\/1\.1 413 /);
    expect(control.changes).toHaveLength(1);
  });

  it('writes one audit line per change, done or refused, with the peer', async () => {
    const { url, lines } = await start();
    await change(url, 'POST', '/upstreams/app/backends/a/drain');
    await change(url, 'DELETE', '/upstreams/app/backends/a/drain');
    await fetch(`${url}/health`);
    expect(lines.map(({ level, fields }) => [level, fields.audit, fields.method, fields.path, fields.status])).toEqual([
      ['info', true, 'POST', '/upstreams/app/backends/a/drain', 200],
      ['warn', true, 'DELETE', '/upstreams/app/backends/a/drain', 405],
    ]);
    expect(lines[0]?.fields.by).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('answers 500 and logs the cause when the program itself fails', async () => {
    const { url, control, lines } = await start();
    control.health = () => {
      throw new Error('secret detail');
    };
    const answer = await fetch(`${url}/health`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('secret');
    expect(lines[0]).toMatchObject({ level: 'error', fields: { err: { message: 'secret detail' } } });
  });
});

describe('the token', () => {
  it.each([
    ['none', {}],
    ['a wrong one', { authorization: 'Bearer wrong' }],
    ['a prefix', { authorization: 'Bearer secre' }],
    ['one with more behind it', { authorization: 'Bearer secret1' }],
    ['another scheme', { authorization: 'Basic secret' }],
    ['no scheme', { authorization: 'secret' }],
    ['an empty one', { authorization: 'Bearer ' }],
    ['two', { authorization: 'Bearer secret secret' }],
  ])('refuses reads and changes with %s', async (_, headers: Record<string, string>) => {
    const { url, control } = await start('secret');
    const read = await fetch(`${url}/health`, { headers });
    expect(read.status).toBe(401);
    expect(read.headers.get('www-authenticate')).toBe('Bearer realm="pulsegate"');
    expect(await read.json()).toMatchObject({ error: 'unauthorized' });
    const drain = await fetch(`${url}/upstreams/app/backends/a/drain`, {
      method: 'POST',
      headers: { ...headers, ...JSON_HEADERS },
    });
    expect(drain.status).toBe(401);
    expect((await fetch(`${url}/health/nope`, { headers })).status).toBe(401);
    expect(control.changes).toEqual([]);
  });

  it('opens reads and changes', async () => {
    const { url, control } = await start('secret');
    const headers = { authorization: 'Bearer secret' };
    expect((await fetch(`${url}/health/app/a`, { headers })).status).toBe(200);
    expect((await fetch(`${url}/upstreams/app/backends/a/drain`, { method: 'POST', headers })).status).toBe(200);
    expect(control.changes).toEqual(['app/a draining']);
  });

  it('is never needed for livez, readyz and the empty page', async () => {
    const { url } = await start('secret');
    for (const path of ['/livez', '/readyz']) expect((await fetch(`${url}${path}`)).status, path).toBe(200);
    // Without a build there is no dashboard to serve; that, too, is told to anyone.
    for (const path of ['/', '/app.js', '/app.css', '/icon.svg']) {
      const answer = await fetch(`${url}${path}`);
      if (answer.status !== 200) expect(await answer.json(), path).toMatchObject({ error: 'not_built' });
    }
  });
});

describe('the page', () => {
  it('loads only our own files, and inlines nothing', () => {
    const html = readFileSync(new URL('../../../src/dashboard/index.html', import.meta.url), 'utf8');
    expect([...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, to]) => to)).toEqual([
      '/icon.svg',
      '/app.css',
      '/app.js',
      '/health',
    ]);
    expect(html).not.toMatch(/<style|<script>|\son\w+=|style=/);
  });

  it('protects every answer, refusals too', async () => {
    const { url } = await start();
    for (const path of ['/', '/health', '/nope']) {
      const { headers } = await fetch(`${url}${path}`);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    }
  });
});
