import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { type HeartbeatReceiver, startHeartbeatReceiver } from '../../../src/control/heartbeat-receiver.ts';
import { StartError } from '../../../src/model/errors.ts';
import type { Heartbeat, HeartbeatTarget } from '../../../src/model/heartbeat.ts';
import type { HeartbeatReceiverSettings } from '../../../src/model/settings.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { bindSocket } from '../../../src/platform/listen-sockets.ts';
import { createWatch } from '../../support/until.ts';

const KEY = { id: 'fleet-1', secret: 'the secret', upstreams: ['app'] };
const BIND = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;
const SIGNED: HeartbeatReceiverSettings = { bind: BIND, udp: null, keys: [KEY] };
const PATH = '/v1/heartbeats/app/127.0.0.1%3A3001';
const B = '127.0.0.1:3001';

const accepted: Heartbeat[] = [];
const rejected: string[] = [];
const warnings: string[] = [];
const watch = createWatch();
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
let receiver: HeartbeatReceiver | null = null;

const target: HeartbeatTarget = {
  heartbeat: (backend, heartbeat) => {
    if (backend !== B) return null;
    accepted.push(heartbeat);
    watch.notify();
    return { state: 'up', effectiveWeight: 0.93, inFlight: 3, nextInMs: 2_000, why: 'alive', commands: ['drain'] };
  },
  rejectHeartbeat: (backend, reason) => {
    rejected.push(`${backend} ${reason}`);
    watch.notify();
  },
};

const log = {
  debug: () => {},
  info: () => {},
  warn: (_: object, sentence: string) => void warnings.push(sentence),
  error: () => {},
};

async function start(settings: HeartbeatReceiverSettings): Promise<HeartbeatReceiver> {
  const targets = (upstream: string) => (upstream === 'app' ? target : null);
  receiver = await startHeartbeatReceiver({
    settings,
    socket: await bindSocket(settings.bind, 'heartbeats'),
    targets,
    clock: systemClock,
    log,
  });
  return receiver;
}

afterEach(async () => {
  agent.destroy();
  await receiver?.close();
  receiver = null;
  for (const list of [accepted, rejected, warnings]) list.length = 0;
});

interface Answer {
  readonly status: number;
  readonly connection: string | undefined;
  readonly json: unknown;
}

function post(
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
  method = 'POST',
): Promise<Answer> {
  const address = receiver?.address;
  const port = address?.kind === 'tcp' ? address.port : 0;
  return new Promise((resolve, reject) => {
    const all = { 'content-type': 'application/json', ...headers };
    const outgoing = request({ host: '127.0.0.1', port, path, method, agent, headers: all }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          connection: response.headers.connection,
          json: text === '' ? null : JSON.parse(text),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function signatureOf(body: string | Buffer): Record<string, string> {
  const hmac = createHmac('sha256', KEY.secret).update(body).digest('hex');
  return { 'x-pulsegate-key': KEY.id, 'x-pulsegate-signature': `sha256=${hmac}` };
}

function beatOf(seq: number, changes: object = {}): string {
  return JSON.stringify({ upstream: 'app', backend: B, boot: 'boot-1', seq, sent_at: Date.now(), ...changes });
}

function postSigned(body: string, path = PATH): Promise<Answer> {
  return post(path, body, signatureOf(body));
}

describe('the heartbeat receiver', () => {
  it('answers a signed heartbeat with how the proxy sees the sender', async () => {
    await start(SIGNED);
    expect(await postSigned(beatOf(17))).toMatchObject({
      status: 200,
      json: {
        accepted: true,
        state: 'up',
        effective_weight: 0.93,
        in_flight: 3,
        next_in_ms: 2_000,
        why: 'alive',
        commands: ['drain'],
      },
    });
    expect(accepted[0]).toMatchObject({ boot: 'boot-1', seq: 17, status: 'up' });
    expect(warnings).toEqual([]);
  });

  it('answers a batch in its order', async () => {
    await start(SIGNED);
    const body = `[${beatOf(1)},${beatOf(1)},${beatOf(2)}]`;
    const answer = await postSigned(body, '/v1/heartbeats');
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject([{ accepted: true }, { accepted: false, error: 'replayed' }, { accepted: true }]);
  });

  it.each([
    ['a wrong signature', 401, 'bad_signature', () => post(PATH, beatOf(1), signatureOf(beatOf(2)))],
    ['no signature', 401, 'bad_signature', () => post(PATH, beatOf(1))],
    ['a stale message', 401, 'bad_signature', () => postSigned(beatOf(1, { sent_at: Date.now() - 60_000 }))],
    ['another type of content', 400, 'bad_heartbeat', () => post(PATH, beatOf(1), { 'content-type': 'text/plain' })],
    ['another target than the path', 400, 'bad_heartbeat', () => postSigned(beatOf(1, { backend: 'c' }))],
    [
      'an unknown backend',
      404,
      'unknown_backend',
      () => postSigned(beatOf(1, { backend: 'c' }), '/v1/heartbeats/app/c'),
    ],
    ['a body over 4 KiB', 413, 'body_too_large', () => postSigned(beatOf(1, { x: 'x'.repeat(4_096) }))],
    ['a batch over 1 MiB', 413, 'body_too_large', () => post('/v1/heartbeats', Buffer.alloc(1_048_577))],
    ['a body of unknown length over 4 KiB', 413, 'body_too_large', () => postChunked(Buffer.alloc(5_000))],
    ['a path with more segments', 404, 'not_found', () => post(`${PATH}/x`, beatOf(1))],
    ['a path that is not percent-encoded', 404, 'not_found', () => post('/v1/heartbeats/app/%zz', beatOf(1))],
    ['another method', 405, 'method_not_allowed', () => post(PATH, beatOf(1), {}, 'PUT')],
  ])('refuses %s with %i %s', async (_, status, error, send) => {
    await start(SIGNED);
    expect(await send()).toMatchObject({ status, json: { error } });
    expect(accepted).toEqual([]);
  });

  it('closes the connection on which an unread body would follow', async () => {
    await start(SIGNED);
    expect((await post(PATH, Buffer.alloc(60_000))).connection).toBe('close');
    expect(await postSigned(beatOf(1))).toMatchObject({ status: 200 });
  });

  it('refuses a replay, and counts it against the backend', async () => {
    await start(SIGNED);
    const body = beatOf(1);
    expect((await postSigned(body)).status).toBe(200);
    expect(await postSigned(body)).toMatchObject({ status: 409, json: { error: 'replayed' } });
    expect(rejected).toEqual([`${B} replayed`]);
  });

  it('without keys, accepts unsigned heartbeats of this machine and says so once', async () => {
    await start({ bind: BIND, udp: null, keys: [] });
    expect((await post(PATH, '{"boot":"x","seq":1}')).status).toBe(200);
    expect((await post(PATH, '{"boot":"x","seq":2}')).status).toBe(200);
    expect(warnings).toHaveLength(1);
  });

  it('forgets a revoked key at once, but not the sequence', async () => {
    const { replaceKeys } = await start(SIGNED);
    const body = beatOf(1);
    expect((await postSigned(body)).status).toBe(200);
    replaceKeys([{ ...KEY, id: 'fleet-2' }]);
    expect(await postSigned(beatOf(2))).toMatchObject({ status: 401 });
    const renamed = { ...signatureOf(body), 'x-pulsegate-key': 'fleet-2' };
    expect(await post(PATH, body, renamed)).toMatchObject({ status: 409 });
  });

  it('takes signed datagrams and never answers them', async () => {
    const { udpAddress } = await start({ ...SIGNED, udp: { host: '127.0.0.1', port: 0 } });
    const socket = createSocket('udp4');
    const answers: Buffer[] = [];
    socket.on('message', (answer) => answers.push(answer));
    const body = beatOf(1);
    const hmac = createHmac('sha256', KEY.secret).update(body).digest('hex');
    for (const datagram of [
      '',
      'x',
      `fleet-1 ${hmac}`,
      `fleet-1 ${hmac.replace(/./g, '0')} ${body}`,
      `fleet-9 ${hmac} ${body}`,
      `fleet-1 ${hmac} ${body}`,
    ]) {
      await new Promise((sent) => socket.send(datagram, udpAddress?.port ?? 0, '127.0.0.1', sent));
    }
    await watch.until(
      () => (accepted.length > 0 ? accepted : null),
      () => 'the datagram was not accepted',
    );
    socket.close();
    expect(accepted).toEqual([expect.objectContaining({ boot: 'boot-1', seq: 1 })]);
    expect(receiver?.unattributed()).toBe(5);
    expect(answers).toEqual([]);
  });

  it('accepts none of 2,000 hostile requests, and a good one after them', async () => {
    await start(SIGNED);
    const rng = createRng('hostile requests');
    const body = beatOf(1);
    const genuine = signatureOf(body);
    const hostile = Array.from({ length: 2_000 }, () => {
      const bytes = Buffer.from(body);
      bytes[rng.below(bytes.length)] = rng.below(256);
      return bytes.equals(Buffer.from(body)) ? Buffer.alloc(rng.below(300)) : bytes;
    });
    const statuses = await Promise.all(hostile.map(async (bytes) => (await post(PATH, bytes, genuine)).status));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(accepted).toEqual([]);
    expect((await postSigned(body)).status).toBe(200);
  });

  it('says in one line why it cannot start', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const { port } = blocker.address() as { port: number };
    const taken = start({ ...SIGNED, bind: { kind: 'tcp', host: '127.0.0.1', port } });
    await expect(taken).rejects.toThrow(`Cannot receive heartbeats on 127.0.0.1:${port}: it is in use.`);
    await expect(start({ bind: BIND, udp: { host: '127.0.0.1', port: 0 }, keys: [] })).rejects.toThrow(StartError);
    await new Promise((resolve) => blocker.close(resolve));
  });
});

function postChunked(body: Buffer): Promise<Answer> {
  return post(PATH, body, { 'transfer-encoding': 'chunked' });
}
