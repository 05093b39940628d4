/** A live incident, recorded through the admin API and replayed: the engine comes to the very same transitions. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { HealthEvent } from '../../src/model/event.ts';
import { type RecordedTransition, readLine } from '../../src/model/recording.ts';
import { replay } from '../../src/sim/replay.ts';
import { startProxy } from '../support/proxy.ts';

async function startBackend(port = 0): Promise<Server> {
  const server = createServer((_, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function kill(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

/** Sends requests until an event of this kind has come. */
async function loadUntil(port: number, adminPort: number, seen: (events: readonly HealthEvent[]) => boolean) {
  for (let n = 0; n < 4_000; n++) {
    await fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.arrayBuffer());
    if (n % 10 !== 0) continue;
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/events?since=0&follow=false`)).text();
    const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json as string) as HealthEvent);
    if (seen(events)) return events;
  }
  throw new Error('the expected event did not come');
}

test('a run in which backends are killed and come back replays to the same transitions', async () => {
  const [a, b, c] = await Promise.all([startBackend(), startBackend(), startBackend()]);
  const ports = [a, b, c].map((server) => portOf(server as Server));
  const [portA, portB] = ports as [number, number];
  const { port, adminPort } = await startProxy({
    backends: ports.map((each) => `http://127.0.0.1:${each}`),
    upstream: {
      probe: { path: '/', interval: '50ms', fast_interval: '20ms', timeout: '1s' },
      outliers: { consecutive: 3, ejection: '200ms' },
      slow_start: { window: '200ms' },
    },
    admin: true,
  });
  const admin = adminPort as number;
  await kill(a as Server);
  const isOut = (id: number) => (events: readonly HealthEvent[]) =>
    events.some(({ backend, to }) => backend === `127.0.0.1:${id}` && (to === 'down' || to === 'ejected'));
  await loadUntil(port, admin, isOut(portA));
  await kill(b as Server);
  await loadUntil(port, admin, isOut(portB));
  const returned = await startBackend(portA);
  await loadUntil(
    port,
    admin,
    (events) => events.findLast(({ backend }) => backend === `127.0.0.1:${portA}`)?.to === 'up',
  );

  const answer = await fetch(`http://127.0.0.1:${admin}/recording`);
  expect(answer.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
  const text = await answer.text();
  const recorded = text
    .trimEnd()
    .split('\n')
    .map(readLine)
    .filter((line): line is RecordedTransition => line.kind === 'transition')
    .map(({ kind: _, at_ms: __, ...event }) => event);
  const { events, differences } = replay(text, null);
  expect(differences).toEqual([]);
  expect(events).toEqual(recorded);
  expect(recorded.length).toBeGreaterThan(5);
  expect(recorded.map(({ to }) => to)).toEqual(expect.arrayContaining(['trial', 'up']));
  await Promise.all([returned, c as Server].map(kill));
});
