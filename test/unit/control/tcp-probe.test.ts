import { describe, expect, it } from 'vitest';
import { TcpProbe } from '../../../src/control/tcp-probe.ts';
import type { Backend } from '../../../src/model/backend.ts';
import type { TcpProbeSettings } from '../../../src/model/probe-settings.ts';
import type { ProbeResult } from '../../../src/model/signal.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { afterTest, nobody, SCHEDULE, serveTcp } from './probe-support.ts';

const CONNECT: TcpProbeSettings = { ...SCHEDULE, type: 'tcp', send: null, expect: null };

function createProbe(overrides: Partial<TcpProbeSettings> = {}) {
  const probe = new TcpProbe(systemClock);
  afterTest(() => probe.close());
  return (backend: Backend) =>
    new Promise<ProbeResult>((resolve) => probe.run(backend, { ...CONNECT, ...overrides }, resolve));
}

describe('the TCP probe', () => {
  it('passes a backend that takes connections, with a new one each time, and closes it', async () => {
    let connections = 0;
    const closed: Promise<void>[] = [];
    const backend = await serveTcp((socket) => {
      connections += 1;
      socket.resume();
      closed.push(new Promise((resolve) => socket.on('end', resolve)));
    });
    const probe = createProbe();
    for (let n = 1; n <= 3; n++) {
      expect(await probe(backend)).toMatchObject({ ok: true, status: null, detail: 'connected', refused: false });
    }
    await expect.poll(() => connections).toBe(3);
    await Promise.all(closed);
  });

  it('says that nobody listens', async () => {
    expect(await createProbe()(await nobody())).toMatchObject({
      ok: false,
      status: null,
      detail: 'connect ECONNREFUSED',
      refused: true,
    });
  });

  it('sends a text and passes on the expected answer, wherever it is cut', async () => {
    const heard: string[] = [];
    const backend = await serveTcp((socket) => {
      socket.setNoDelay(true);
      socket.on('data', (chunk) => {
        heard.push(String(chunk));
        const answer = [...'-HELLO +PON', 'G'];
        const next = () => {
          const piece = answer.shift();
          if (piece !== undefined) socket.write(piece, () => setImmediate(next));
        };
        next();
      });
    });
    const result = await createProbe({ send: 'PING\r\n', expect: '+PONG' })(backend);
    expect(result).toMatchObject({ ok: true, detail: 'received "+PONG"' });
    expect(heard).toEqual(['PING\r\n']);
  });

  it('delivers what it sends when nothing is expected', async () => {
    const backend = await serveTcp((socket) => {
      socket.on('data', (chunk) => received(String(chunk)));
    });
    let received: (text: string) => void = () => {};
    const heard = new Promise<string>((resolve) => {
      received = resolve;
    });
    expect(await createProbe({ send: 'QUIT\r\n' })(backend)).toMatchObject({ ok: true, detail: 'connected and sent' });
    expect(await heard).toBe('QUIT\r\n');
  });

  it('fails when the connection ends without the expected text', async () => {
    const backend = await serveTcp((socket) => socket.end('-LOADING\r\n'));
    expect(await createProbe({ expect: '+PONG\r\n' })(backend)).toMatchObject({
      ok: false,
      detail: 'closed without "+PONG\\r\\n"',
      refused: false,
    });
  });

  it('fails when the connection is reset', async () => {
    const backend = await serveTcp((socket) => socket.on('data', () => socket.resetAndDestroy()));
    expect(await createProbe({ send: '?', expect: 'ready' })(backend)).toMatchObject({
      ok: false,
      detail: 'ECONNRESET',
    });
  });

  it('reads 64 KiB and no more', async () => {
    const backend = await serveTcp((socket) => socket.write(`${'x'.repeat(65_536 - 2)}ready`));
    expect(await createProbe({ expect: 'ready' })(backend)).toMatchObject({
      ok: false,
      detail: 'the first 64 KiB lack "ready"',
    });
    expect(await createProbe({ expect: 'xre' })(backend)).toMatchObject({ ok: true });
  });

  it.each([
    ['a connection that does not come about', null, 'no connection within 5 s'],
    ['a backend that takes the connection and says nothing', 'ready', 'connected, but no "ready" within 5 s'],
  ])('gives up on %s', async (_name, expected, detail) => {
    const clock = new VirtualClock();
    const probe = new TcpProbe(clock);
    afterTest(() => probe.close());
    let connected: () => void = () => {};
    const hasConnected = new Promise<void>((resolve) => {
      connected = resolve;
    });
    const backend = await serveTcp(() => connected());
    const results: ProbeResult[] = [];
    probe.run(backend, { ...CONNECT, expect: expected }, (result) => results.push(result));
    if (expected !== null) {
      await hasConnected;
      // Whoever was accepted is connected; our side hears of it within a turn.
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    clock.advanceTo(CONNECT.timeoutMs);
    expect(results).toEqual([{ ok: false, status: null, latencyMs: 5_000, detail, refused: false }]);
  });

  it('lets go of a backend that has left', async () => {
    const probe = new TcpProbe(systemClock);
    let ended: () => void = () => {};
    const hasEnded = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const backend = await serveTcp((socket) => {
      socket.on('end', ended).resume();
      probe.forget(backend);
    });
    const result = await new Promise((resolve) => probe.run(backend, { ...CONNECT, expect: 'ready' }, resolve));
    expect(result).toMatchObject({ ok: false, detail: 'connection closed' });
    await hasEnded;
  });

  it('probes another port when told to', async () => {
    const backend = await serveTcp(() => {});
    expect(await createProbe({ port: backend.port })({ ...backend, port: 1 })).toMatchObject({ ok: true });
  });
});
