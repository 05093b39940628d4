/** What every kind of probe promises to the prober. */

import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createProbe } from '../../src/control/probe.ts';
import type { Backend } from '../../src/model/backend.ts';
import type { ProbeSettings } from '../../src/model/probe-settings.ts';
import type { ProbeResult } from '../../src/model/signal.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { PROBE } from '../../src/sim/settings.ts';
import { VirtualClock } from '../../src/sim/virtual-clock.ts';
import { afterTest, listen, nobody, SCHEDULE, serveTcp } from '../unit/control/probe-support.ts';

interface Kind {
  readonly settings: ProbeSettings;
  /** A backend's server that is well. */
  createServer(): Server | ReturnType<typeof createHttp2Server>;
}

const KINDS: readonly (readonly [string, Kind])[] = [
  [
    'http',
    {
      settings: { ...PROBE, timeoutMs: 5_000 },
      createServer: () => createHttpServer((_request, response) => void response.end('fine')),
    },
  ],
  [
    'tcp',
    {
      settings: { ...SCHEDULE, type: 'tcp', send: null, expect: 'fine' },
      createServer: () => createTcpServer((socket) => void socket.on('error', () => {}).end('fine')),
    },
  ],
  [
    'grpc',
    {
      settings: { ...SCHEDULE, type: 'grpc', host: null, service: '' },
      createServer: () =>
        createHttp2Server().on('stream', (stream) => {
          stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
          stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
          stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, 1]));
        }),
    },
  ],
];

describe.each(KINDS)('a probe of type %s', (_name, { settings, createServer }) => {
  function create(clock = systemClock) {
    const probe = createProbe(clock);
    afterTest(() => probe.close());
    const run = (backend: Backend) => new Promise<ProbeResult>((resolve) => probe.run(backend, settings, resolve));
    return { probe, run };
  }

  /** A backend that takes connections and says nothing. */
  async function serveSilence() {
    const sockets: Socket[] = [];
    let connected: () => void = () => {};
    const hasConnected = new Promise<void>((resolve) => {
      connected = resolve;
    });
    const backend = await serveTcp((socket) => {
      sockets.push(socket.resume().on('end', () => socket.end()));
      connected();
    });
    return { backend, sockets, hasConnected };
  }

  it('passes a backend that is well, time and again', async () => {
    const { run } = create();
    const backend = await listen(createServer());
    for (let n = 0; n < 5; n++) {
      const result = await run(backend);
      expect(result).toMatchObject({ ok: true, refused: false });
      expect(result.detail).not.toBe('');
    }
  });

  it('blames nobody but a missing listener for a refused connection', async () => {
    const { run } = create();
    expect(await run(await nobody())).toMatchObject({ ok: false, detail: 'connect ECONNREFUSED', refused: true });
  });

  it('calls back once, and not before it has returned', async () => {
    const { probe } = create();
    const results: (ProbeResult | 'returned')[] = [];
    const backend = await nobody();
    await new Promise<void>((resolve) => {
      probe.run(backend, settings, (result) => {
        results.push(result);
        resolve();
      });
      results.push('returned');
    });
    probe.forget(backend);
    await probe.close();
    expect(results).toEqual(['returned', expect.objectContaining({ ok: false })]);
  });

  it('gives up by the clock it was given, and hangs up', async () => {
    const clock = new VirtualClock();
    const { probe } = create(clock);
    const { backend, sockets, hasConnected } = await serveSilence();
    const results: ProbeResult[] = [];
    probe.run(backend, settings, (result) => results.push(result));
    await hasConnected;
    clock.advanceTo(settings.timeoutMs - 1);
    expect(results).toEqual([]);
    clock.advanceTo(settings.timeoutMs);
    await expect.poll(() => results).toMatchObject([{ ok: false, latencyMs: 5_000, refused: false }]);
    expect(results[0]?.detail).toMatch(/within 5 s$/);
    await expect.poll(() => sockets.every(({ destroyed }) => destroyed)).toBe(true);
  });

  it.each(['forget', 'close'] as const)('hangs up in the middle of a probe when told to %s', async (way) => {
    const { probe, run } = create();
    const { backend, sockets, hasConnected } = await serveSilence();
    const result = run(backend);
    await hasConnected;
    void probe[way](backend);
    expect(await result).toMatchObject({ ok: false, refused: false });
    await expect.poll(() => sockets.every(({ destroyed }) => destroyed)).toBe(true);
    expect(sockets).toHaveLength(1);
  });
});
