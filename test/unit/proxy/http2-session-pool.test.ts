/** Connections to HTTP/2 backends as time passes: idling, ageing, and finding out by PING who is still there. */

import { expect, it, onTestFinished } from 'vitest';
import type { Backend } from '../../../src/model/backend.ts';
import type { OutcomeClass } from '../../../src/model/outcome.ts';
import type { KeepaliveSettings } from '../../../src/model/settings.ts';
import type { Http2Session } from '../../../src/proxy/http2-session.ts';
import { Http2SessionPool, type StreamUser } from '../../../src/proxy/http2-session-pool.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { type FrameBackendOptions, startFrameBackend } from '../../support/http2-frame-backend.ts';
import { ACK, END_STREAM, GOAWAY, HEADERS, PING } from '../../support/http2-frames.ts';
import { createWatch } from '../../support/until.ts';

const REQUEST = { ':method': 'GET', ':path': '/', ':scheme': 'http', ':authority': 'a' };
const IDLE_MS = 50_000;

async function startPool(keepalive: Partial<KeepaliveSettings> = {}, options: FrameBackendOptions = {}) {
  const watch = createWatch();
  const frames = await startFrameBackend((c, got) => {
    if (got.type === HEADERS) c.head(got.stream, [[':status', '200']], END_STREAM);
  }, options);
  const { port, origin } = { port: Number(new URL(frames.origin).port), origin: frames.origin };
  const backend: Backend = {
    ...{ id: 'b', slot: 0, url: origin, tls: false, host: '127.0.0.1', port },
    ...{ weight: 1, priority: 0, labels: {} },
  };
  const clock = new VirtualClock();
  const settings = { idleMs: IDLE_MS, maxRequests: null, maxAgeMs: null, ...keepalive };
  const pool = new Http2SessionPool({ keepalive: settings, connectMs: 1_000, connections: 4, tls: null, clock });
  onTestFinished(() => pool.close());

  /** One request on whatever session there is, and what came of it. */
  const ask = (to = backend): Promise<Http2Session | OutcomeClass> =>
    new Promise((resolve) => {
      const user: StreamUser = {
        onSession(session) {
          const stream = session.open(REQUEST, false);
          stream?.resume();
          stream?.on('error', () => {});
          stream?.on('close', () => {
            session.leaveStream(clock.now());
            resolve(session);
            watch.notify();
          });
        },
        onNoSession: (outcome) => resolve(outcome),
      };
      pool.place(to, user, clock.now());
    });
  const pass = (ms: number) => {
    clock.advanceTo(clock.now() + ms);
    pool.sweep(clock.now());
  };
  const pings = () => frames.frames.filter(({ type, flags }) => type === PING && !(flags & ACK)).length;
  return { frames, backend, clock, pool, ask, pass, pings };
}

it('one that has idled is asked once whether it is still there, and closed in the end', async () => {
  const { ask, frames, pass, pings } = await startPool();
  await ask();
  pass(IDLE_MS / 2 - 1);
  pass(1);
  pass(1_000);
  await frames.until(() => pings() || null);
  // The answer to this comes behind that to the PING.
  await ask();
  expect(pings()).toBe(1);
  pass(IDLE_MS);
  expect(frames.connections()).toBe(1);
  await frames.until(() => frames.frames.find(({ type }) => type === GOAWAY) ?? null);
  await ask();
  expect(frames.connections()).toBe(2);
});

it('one that does not answer while it idles costs no request', async () => {
  const { ask, frames, pass, pings } = await startPool({}, { deaf: () => true });
  await ask();
  pass(IDLE_MS / 2);
  await frames.until(() => pings() || null);
  pass(2_000);
  await ask();
  expect(frames.connections()).toBe(2);
});

it('one that has lived long enough is left for another', async () => {
  const { ask, frames, pass } = await startPool({ maxAgeMs: 60_000 });
  for (let i = 0; i < 5; i++) {
    await ask();
    pass(20_000);
  }
  expect(frames.connections()).toBe(2);
});

it('one in doubt gets nothing new before it has answered', async () => {
  const { ask, clock, frames, pings } = await startPool();
  const first = (await ask()) as Http2Session;
  first.doubt(clock.now());
  expect(first.hasRoom(clock.now())).toBe(false);
  await frames.until(() => pings() || null);
  await expect.poll(() => first.hasRoom(clock.now())).toBe(true);
});

it('one that hangs before it is ready is not waited for by those who come later', async () => {
  const { frames, pool, backend, clock, ask } = await startPool({}, { silent: (index) => index === 0 });
  let heard = 0;
  const first: StreamUser = { onSession: () => heard++, onNoSession: () => heard++ };
  pool.place(backend, first, clock.now());
  await frames.until(() => (frames.connections() === 1 ? true : null));
  clock.advanceTo(1_000);
  pool.withdraw(backend, first);
  await ask();
  expect(frames.connections()).toBe(2);
  expect(heard).toBe(0);
});

it('of a backend that has moved serve nobody who wants the new place', async () => {
  const here = await startPool();
  const there = await startPool();
  await here.ask();
  await here.ask({ ...there.backend, id: 'b' });
  expect(here.frames.connections()).toBe(1);
  expect(there.frames.connections()).toBe(1);
});

it('that nobody takes are told to all who wait for them, at once', async () => {
  const { ask, backend } = await startPool();
  const refused = await Promise.all(
    Array.from({ length: 3 }, () => ask({ ...backend, port: 1, url: 'http://127.0.0.1:1' })),
  );
  expect(refused).toEqual(['connect_refused', 'connect_refused', 'connect_refused']);
});

it('are asked for no more by whoever has withdrawn', async () => {
  const { pool, backend, ask } = await startPool();
  let heard = 0;
  const user: StreamUser = { onSession: () => heard++, onNoSession: () => heard++ };
  pool.place(backend, user, 0);
  pool.withdraw(backend, user);
  await ask();
  expect(heard).toBe(0);
});
