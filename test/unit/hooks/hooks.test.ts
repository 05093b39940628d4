import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { EventLog } from '../../../src/control/event-log.ts';
import { type HookConfiguration, Hooks } from '../../../src/hooks/hooks.ts';
import { isNotice } from '../../../src/model/event.ts';
import type { HookSettings } from '../../../src/model/hook.ts';
import type { BackendDetail } from '../../../src/model/report.ts';
import type { UpstreamSettings } from '../../../src/model/settings.ts';
import type { Status } from '../../../src/model/status.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { listen } from '../../support/recording-backend.ts';
import { createWatch } from '../../support/until.ts';
import { type LogLine, recordingLog } from './support.ts';

interface Posted {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

async function startWorld(reply: (response: ServerResponse, request: IncomingMessage) => void = (r) => r.end()) {
  const watch = createWatch();
  const posted: Posted[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    posted.push({ path: request.url ?? '', body: JSON.parse(text) as Record<string, unknown> });
    reply(response, request);
    watch.notify();
  });
  const port = await listen(server);
  const events = new EventLog(systemClock);
  const lines: LogLine[] = [];
  const start = (configuration: HookConfiguration) => {
    const hooks = new Hooks(configuration, {
      clock: systemClock,
      rng: createRng('hooks'),
      log: recordingLog(lines, () => watch.notify()),
      feed: events,
      note: (notice) => {
        events.note(notice);
        watch.notify();
      },
      detailOf: (upstream, id) => ({ id, url: 'http://b:1', why: `of ${upstream}` }) as unknown as BackendDetail,
      environment: { PATH: '/usr/bin:/bin' },
      version: '1.2.3',
    });
    onTestFinished(async () => {
      await hooks.close();
      server.closeAllConnections();
      server.close();
    });
    return hooks;
  };
  const happen = (backend: string, to: Status, upstream = 'app') =>
    events.record(upstream, { id: 1, at: 0, backend, from: 'starting', to, reason: 'because', source: 'probe' });
  const notices = () => events.since(0).filter(isNotice);
  const until = (holds: () => boolean) =>
    watch.until(
      () => holds() || null,
      () => JSON.stringify({ posted, lines }, null, 1),
    );
  return { url: `http://127.0.0.1:${port}`, posted, events, lines, start, happen, notices, until };
}

function webhook(name: string, url: string, more: Partial<HookSettings> = {}): HookSettings {
  const action = { kind: 'webhook', url: `${url}/${name}`, secret: null, headers: {} } as const;
  return { name, action, on: ['down', 'panic'], minIntervalMs: 0, timeoutMs: 60_000, ...more };
}

function upstream(name: string, alerts: readonly string[] | null = null): UpstreamSettings {
  return { name, alerts } as Partial<UpstreamSettings> as UpstreamSettings;
}

describe('hooks', () => {
  test('are told the event with what is known of the backend, and a notice says how it went', async () => {
    const { url, posted, start, happen, until, notices, lines } = await startWorld();
    start({ hooks: [webhook('ops', url)], upstreams: [upstream('app')] });
    const event = happen('b', 'down');
    happen('b', 'up');
    await until(() => notices().length > 0);
    expect(posted).toEqual([
      {
        path: '/ops',
        body: {
          hook: 'ops',
          event: 'down',
          ...event,
          suppressed: 0,
          dropped: 0,
          sent_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
          detail: { id: 'b', url: 'http://b:1', why: 'of app' },
        },
      },
    ]);
    expect(notices()).toEqual([
      expect.objectContaining({
        kind: 'hook',
        upstream: 'app',
        backend: 'b',
        message: expect.stringMatching(/^ops done for down: 200 \(\d+(\.\d)? m?s\)$/),
      }),
    ]);
    expect(lines[0]).toMatchObject({
      level: 'info',
      fields: { hook: 'ops', upstream: 'app', backend: 'b', event: 'down', tries: 1 },
    });
  });

  test('are told of what befalls an upstream, without a backend', async () => {
    const { url, posted, start, events, until } = await startWorld();
    start({ hooks: [webhook('ops', url)], upstreams: [upstream('app')] });
    events.note({ kind: 'reload', message: 'generation 2' });
    events.note({ kind: 'panic', upstream: 'app', message: '1 of 4' });
    await until(() => posted.length > 0);
    expect(posted[0]?.body).toMatchObject({
      event: 'panic',
      kind: 'panic',
      backend: null,
      message: '1 of 4',
      detail: null,
    });
  });

  test('hear only of the upstreams that alert them', async () => {
    const { url, posted, start, happen, until, notices } = await startWorld();
    start({
      hooks: [webhook('ops', url), webhook('night', url)],
      upstreams: [upstream('all'), upstream('one', ['night']), upstream('none', [])],
    });
    for (const name of ['none', 'one', 'all', 'unknown']) happen('b', 'down', name);
    await until(() => notices().length === 3);
    expect(posted.map(({ path, body }) => `${path} ${body.upstream}`).sort()).toEqual([
      '/night all',
      '/night one',
      '/ops all',
    ]);
  });

  test('run commands with the event in their arguments and environment', async () => {
    const { url, start, happen, until, lines } = await startWorld();
    const action = {
      kind: 'exec',
      command: ['sh', '-c', 'echo "$1 $PULSEGATE_REASON"; exit 3', 'sh', '{upstream}/{backend}@{url}'],
    } as const;
    start({ hooks: [webhook('restart', url, { action })], upstreams: [upstream('app')] });
    happen('b', 'down');
    await until(() => lines.length > 0);
    expect(lines[0]).toMatchObject({
      level: 'warn',
      fields: { hook: 'restart', output: 'app/b@http://b:1 because' },
      sentence: expect.stringMatching(/^hook restart failed for down: exit code 3 \(/),
    });
  });

  test('take other settings in place, and keep what they hold back', async () => {
    const { url, posted, start, happen, until } = await startWorld();
    const held = { minIntervalMs: 3_600_000 };
    const hooks = start({ hooks: [webhook('ops', url, held)], upstreams: [upstream('app')] });
    happen('a', 'down');
    await until(() => posted.length === 1);
    const moved = webhook('moved', url, held);
    hooks.configure({
      hooks: [{ ...moved, name: 'ops' }, webhook('new', url)],
      upstreams: [upstream('app'), upstream('api')],
    });
    for (const backend of ['a', 'b']) happen(backend, 'down');
    happen('c', 'down', 'api');
    await until(() => posted.length === 6);
    expect(
      posted
        .slice(1)
        .map(({ path, body }) => `${path} ${body.backend}`)
        .sort(),
    ).toEqual(['/moved b', '/moved c', '/new a', '/new b', '/new c']);
    hooks.configure({ hooks: [], upstreams: [upstream('app')] });
    happen('d', 'down');
    hooks.configure({ hooks: [webhook('last', url)], upstreams: [upstream('app')] });
    happen('e', 'down');
    await until(() => posted.length === 7);
    expect(posted[6]).toMatchObject({ path: '/last', body: { backend: 'e' } });
  });

  test('that fail harm nobody, not even with what listens to their notices', async () => {
    const { url, posted, start, happen, until, events, lines } = await startWorld((response) =>
      response.writeHead(400).end(),
    );
    start({ hooks: [webhook('ops', url)], upstreams: [upstream('app')] });
    events.subscribe((event) => {
      if (isNotice(event)) throw new Error('a listener that throws');
    });
    happen('a', 'down');
    await until(() => lines.some(({ level }) => level === 'error'));
    happen('b', 'down');
    await until(() => posted.length === 2);
    expect(lines.map(({ level }) => level).slice(0, 2)).toEqual(['warn', 'error']);
  });

  test('that hang are given up when we stop', async () => {
    const { url, posted, start, happen, until, lines } = await startWorld(() => {});
    const hooks = start({ hooks: [webhook('ops', url)], upstreams: [upstream('app')] });
    happen('a', 'down');
    await until(() => posted.length === 1);
    await hooks.close();
    expect(lines.map(({ sentence }) => sentence)).toEqual([
      expect.stringMatching(/^hook ops failed for down: given up/),
    ]);
    happen('b', 'down');
    expect(posted).toHaveLength(1);
  });
});
