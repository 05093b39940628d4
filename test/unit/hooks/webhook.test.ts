import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import type { Clock } from '../../../src/base/time.ts';
import { Webhooks } from '../../../src/hooks/webhook.ts';
import type { WebhookAction } from '../../../src/model/hook.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { listen } from '../../support/recording-backend.ts';

interface Received {
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Reply = (response: ServerResponse, tries: number) => void;

const NEVER = new AbortController().signal;

/** A receiver that answers by `reply`, and remembers. */
async function startReceiver(reply: Reply) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
    reply(response, received.length);
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, port, url: `http://127.0.0.1:${port}/x?y=1` };
}

/** Time in which pauses are over at once, and remembered; the time-out is real. */
function impatientClock(pausesMs: number[], timeoutMs: number): Clock {
  return {
    ...systemClock,
    at: (atMs, fn) => {
      const ms = Math.round(atMs - systemClock.now());
      if (ms === timeoutMs) return systemClock.at(atMs, fn);
      pausesMs.push(ms);
      return systemClock.at(systemClock.now(), fn);
    },
  };
}

function createWebhooks(clock: Clock = systemClock): Webhooks {
  const webhooks = new Webhooks(clock, createRng('hooks'), 'pulsegate/1.2.3');
  onTestFinished(() => webhooks.close());
  return webhooks;
}

function actionOf(url: string, more: Partial<WebhookAction> = {}): WebhookAction {
  return { kind: 'webhook', url, secret: null, headers: {}, ...more };
}

const answer =
  (status: number, headers: Record<string, string> = {}): Reply =>
  (response) =>
    response.writeHead(status, headers).end('thanks');

describe('a webhook', () => {
  test('is posted JSON, signed, with the headers that were asked for', async () => {
    const { received, port, url } = await startReceiver(answer(204));
    const action = actionOf(url, { secret: 'sixteen letters.', headers: { authorization: 'Bearer x' } });
    const result = await createWebhooks().post(action, '{"event":"down"}', 60_000, NEVER);
    expect(result).toEqual({ ok: true, detail: '204', tries: 1, output: '' });
    const [{ line, headers, body } = { line: '', headers: {}, body: '' }] = received;
    expect([line, body]).toEqual(['POST /x?y=1', '{"event":"down"}']);
    expect(headers).toMatchObject({
      host: `127.0.0.1:${port}`,
      'content-type': 'application/json',
      'content-length': '16',
      'user-agent': 'pulsegate/1.2.3',
      authorization: 'Bearer x',
      'x-pulsegate-signature': `sha256=${createHmac('sha256', 'sixteen letters.').update(body).digest('hex')}`,
    });
  });

  test('is not signed without a secret', async () => {
    const { received, url } = await startReceiver(answer(200));
    await createWebhooks().post(actionOf(url), '{}', 60_000, NEVER);
    expect(received[0]?.headers).not.toHaveProperty('x-pulsegate-signature');
  });

  test('is tried again after what may pass, with pauses that double and vary', async () => {
    const { received, url } = await startReceiver((response, tries) => answer(tries < 4 ? 503 : 200)(response, tries));
    const pausesMs: number[] = [];
    const webhooks = createWebhooks(impatientClock(pausesMs, 60_000));
    expect(await webhooks.post(actionOf(url), '{}', 60_000, NEVER)).toMatchObject({ ok: true, tries: 4 });
    expect(received.map(({ body }) => body)).toEqual(['{}', '{}', '{}', '{}']);
    expect(pausesMs).toHaveLength(3);
    pausesMs.forEach((ms, index) => {
      expect(ms).toBeGreaterThanOrEqual(250 * 2 ** index - 1);
      expect(ms).toBeLessThanOrEqual(500 * 2 ** index);
    });
  });

  test.each([408, 425, 429, 500, 502, 504])('is given up after four answers of %d', async (status) => {
    const { received, url } = await startReceiver(answer(status));
    const webhooks = createWebhooks(impatientClock([], 60_000));
    expect(await webhooks.post(actionOf(url), '{}', 60_000, NEVER)).toEqual({
      ok: false,
      detail: String(status),
      tries: 4,
      output: '',
    });
    expect(received).toHaveLength(4);
  });

  test.each([400, 401, 404, 410])('is not tried again after %d', async (status) => {
    const { received, url } = await startReceiver(answer(status));
    expect(await createWebhooks().post(actionOf(url), '{}', 60_000, NEVER)).toMatchObject({ ok: false, tries: 1 });
    expect(received).toHaveLength(1);
  });

  test.each([301, 302, 307, 308])('does not go where %d sends it', async (status) => {
    const other = await startReceiver(answer(200));
    const { url } = await startReceiver(answer(status, { location: other.url }));
    expect(await createWebhooks().post(actionOf(url), '{}', 60_000, NEVER)).toMatchObject({
      ok: false,
      detail: `${status}, and redirects are not followed`,
      tries: 1,
    });
    expect(other.received).toEqual([]);
  });

  test('waits as long as it is asked to, within reason', async () => {
    const { url } = await startReceiver((response, tries) =>
      answer(429, { 'retry-after': tries === 1 ? '7' : '9999' })(response, tries),
    );
    const pausesMs: number[] = [];
    const webhooks = createWebhooks(impatientClock(pausesMs, 60_000));
    await webhooks.post(actionOf(url), '{}', 60_000, NEVER);
    expect(pausesMs.map((ms) => Math.round(ms / 1_000))).toEqual([7, 30, 30]);
  });

  test('is not waited for beyond its time-out, whether it is silent or drips', async () => {
    const { url: silent } = await startReceiver(() => {});
    const { url: dripping } = await startReceiver((response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 5);
      response.on('close', () => clearInterval(drip));
    });
    const webhooks = createWebhooks(impatientClock([], 50));
    for (const url of [silent, dripping]) {
      expect(await webhooks.post(actionOf(url), '{}', 50, NEVER)).toMatchObject({
        ok: false,
        detail: 'no answer within 50 ms',
        tries: 4,
      });
    }
  });

  test('may answer at length, which is not read to its end', async () => {
    let closed = () => {};
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { url } = await startReceiver((response) => {
      response.writeHead(200);
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', pour);
      response.on('close', closed);
      pour();
    });
    expect(await createWebhooks().post(actionOf(url), '{}', 60_000, NEVER)).toMatchObject({ ok: true, detail: '200' });
    await isClosed;
  });

  test('that is not there is told of by code alone', async () => {
    const webhooks = createWebhooks(impatientClock([], 60_000));
    const result = await webhooks.post(actionOf('http://127.0.0.1:1/hush'), '{}', 60_000, NEVER);
    expect(result).toEqual({ ok: false, detail: 'ECONNREFUSED', tries: 4, output: '' });
  });

  test('that does not speak HTTP is a failure like any other', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    });
    const port = await listen(server);
    onTestFinished(() => void server.close());
    const webhooks = createWebhooks(impatientClock([], 60_000));
    const result = await webhooks.post(actionOf(`http://127.0.0.1:${port}/`), '{}', 60_000, NEVER);
    expect(result).toMatchObject({ ok: false, tries: 4 });
    expect(result.detail).not.toContain('127.0.0.1');
  });

  test('is given up when we stop, in a try as in a pause', async () => {
    const webhooks = createWebhooks();
    const inTry = new AbortController();
    const silent = await startReceiver(() => inTry.abort());
    expect(await webhooks.post(actionOf(silent.url), '{}', 60_000, inTry.signal)).toMatchObject({
      ok: false,
      detail: 'given up',
    });
    const inPause = new AbortController();
    const failing = await startReceiver((response, tries) => {
      answer(429, { 'retry-after': '30' })(response, tries);
      response.on('close', () => setImmediate(() => inPause.abort()));
    });
    expect(await webhooks.post(actionOf(failing.url), '{}', 60_000, inPause.signal)).toMatchObject({ ok: false });
    expect(failing.received).toHaveLength(1);
  });
});
