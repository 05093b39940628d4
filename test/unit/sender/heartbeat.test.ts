import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type BeatResult,
  type HeartbeatHandle,
  type HeartbeatOptions,
  startHeartbeat,
} from '../../../src/sender/heartbeat.ts';
import { createWatch } from '../../support/until.ts';

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

const received: Received[] = [];
const results: BeatResult[] = [];
const watch = createWatch();
let server: Server | null = null;
let heartbeat: HeartbeatHandle | null = null;

/** A receiver that answers everything alike; its origin. */
async function receiver(status: number, reply: string): Promise<string> {
  const listening = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, text, json: JSON.parse(text) });
      response.writeHead(status, { 'content-type': 'application/json' }).end(reply);
    });
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(listening.address() as { port: number }).port}`;
}

const ACCEPTED = '{"accepted":true,"state":"up","why":"alive","next_in_ms":100,"commands":["drain"]}';

function send(to: string, options: Partial<HeartbeatOptions> = {}): void {
  const onBeat = (result: BeatResult) => {
    results.push(result);
    watch.notify();
  };
  heartbeat = startHeartbeat({ to, upstream: 'app', backend: 'a/b', intervalMs: 3_600_000, onBeat, ...options });
}

async function beats(count: number): Promise<void> {
  await watch.until(
    () => (results.length >= count ? true : null),
    () => `only ${results.length} heartbeats went out`,
  );
}

afterEach(async () => {
  await heartbeat?.stop();
  heartbeat = null;
  server?.closeAllConnections();
  server?.close();
  received.length = 0;
  results.length = 0;
});

describe('startHeartbeat', () => {
  it('beats at once, and then as often as the proxy asks', async () => {
    send(await receiver(200, ACCEPTED), { version: '1.4', role: 'primary', load: { cpu_utilization: 0.3 } });
    await beats(3);
    expect(received[0]?.path).toBe('/v1/heartbeats/app/a%2Fb');
    expect(received[0]?.json).toMatchObject({
      upstream: 'app',
      backend: 'a/b',
      status: 'up',
      version: '1.4',
      role: 'primary',
      load: { cpu_utilization: 0.3 },
    });
    expect(received.slice(0, 3).map(({ json }) => json.seq)).toEqual([1, 2, 3]);
    expect(new Set(received.map(({ json }) => json.boot)).size).toBe(1);
    expect(results[0]).toEqual({ ok: true, state: 'up', why: 'alive', commands: ['drain'] });
  });

  it('signs the bytes that it sends', async () => {
    send(await receiver(200, ACCEPTED), { key: 'fleet-1', secret: 's3cret' });
    await beats(1);
    const { headers, text } = received[0] as Received;
    expect(headers['x-pulsegate-key']).toBe('fleet-1');
    expect(headers['x-pulsegate-signature']).toBe(
      `sha256=${createHmac('sha256', 's3cret').update(text).digest('hex')}`,
    );
  });

  it('says `draining` last, once', async () => {
    send(await receiver(200, ACCEPTED));
    await beats(1);
    await Promise.all([heartbeat?.stop(), heartbeat?.stop()]);
    const said = received.map(({ json }) => json.status);
    expect(said.at(-1)).toBe('draining');
    expect(said.filter((status) => status === 'draining')).toHaveLength(1);
  });

  it('asks for the status before every heartbeat, and takes a failing check for `down`', async () => {
    const statuses = ['up', 'down'] as const;
    let asked = 0;
    const status = async () => {
      const answer = statuses[asked++];
      if (answer === undefined) throw new Error('the check failed');
      return answer;
    };
    send(await receiver(200, ACCEPTED), { status });
    await beats(3);
    expect(received.slice(0, 3).map(({ json }) => json.status)).toEqual(['up', 'down', 'down']);
  });

  it('goes on without a load report when making one throws', async () => {
    const load = () => {
      throw new Error('no figures');
    };
    send(await receiver(200, ACCEPTED), { load });
    await beats(1);
    expect(received[0]?.json).not.toHaveProperty('load');
  });

  it('tries again, soon, after a refusal or an answer of some other program', async () => {
    send(await receiver(401, '{"error":"bad_signature","message":"unknown key or wrong signature"}'));
    await beats(2);
    expect(results[0]).toEqual({ ok: false, detail: '401 bad_signature: unknown key or wrong signature' });
    await heartbeat?.stop();
    results.length = 0;
    send(await receiver(200, '<html>'));
    await beats(1);
    expect(results[0]).toEqual({ ok: false, detail: '200 from something that is no Pulsegate' });
  });

  it('never throws into its host: nobody listens, and the listener of results throws', async () => {
    const to = await receiver(200, ACCEPTED);
    await new Promise((resolve) => server?.close(resolve));
    let told = 0;
    send(to, {
      onBeat: () => {
        told += 1;
        watch.notify();
        throw new Error('the host has a fault');
      },
    });
    await watch.until(
      () => (told >= 2 ? true : null),
      () => 'it did not try again',
    );
    await expect(heartbeat?.stop()).resolves.toBeUndefined();
  });

  it('refuses wrong options at its start', () => {
    const base = { to: 'http://127.0.0.1:1', upstream: 'app', backend: 'a' };
    for (const wrong of [{ to: 'nowhere' }, { to: 'ftp://x' }, { upstream: '' }, { key: 'k' }, { secret: 's' }]) {
      expect(() => startHeartbeat({ ...base, ...wrong })).toThrow(TypeError);
    }
  });
});
