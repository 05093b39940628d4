/**
 * The same odd requests through the proxy to nginx, Apache, lighttpd and Node: each of them must have got exactly the
 * requests that we say we forwarded, with that method, target, host and body, and not one more.
 * A failure prints its seed: `DIFFERENTIAL_SEED=…` repeats it, `DIFFERENTIAL_RUNS=…` widens the search.
 */

import { describe, expect, it } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import { isInstalled, type LoggedRequest, SERVERS, sha256 } from '../support/logging-servers.ts';
import { headerOf, statusOf } from '../support/message-reader.ts';
import { makeOddRequest, type OddRequest } from '../support/odd-requests.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';

const SEED = process.env.DIFFERENTIAL_SEED ?? 'pulsegate';
/** Requests to each server. */
const RUNS = Number(process.env.DIFFERENTIAL_RUNS ?? 400);
const LANES = 6;
const MOST_AT_ONCE = 4;

const requests = Array.from({ length: RUNS }, (_, i) => makeOddRequest(createRng(SEED).fork(String(i)), `case-${i}`));

describe(`${RUNS} odd requests (seed ${SEED}) [F1 F2 F3 F4 F7 F9 F12 F29 F36 R8 R20 R22 R24 R44]`, () => {
  it('are of both sorts', () => {
    const good = requests.filter(({ forwarded }) => forwarded !== null);
    expect(good.length).toBeGreaterThan(RUNS * 0.6);
    expect(good.length).toBeLessThan(RUNS * 0.9);
  });

  for (const server of SERVERS) {
    const isHere = isInstalled(server);
    it.skipIf(!isHere)(
      `are what ${server.name} gets${isHere ? '' : ` (skipped: not installed: ${server.program})`}`,
      { timeout: 120_000 },
      async () => {
        const { port, logged } = await server.start();
        const proxy = await startProxy({ backends: [`http://127.0.0.1:${port}`], admin: true });
        const queue = batchesOf(requests);
        const lane = async () => {
          for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) await send(proxy.port, batch);
        };
        await Promise.all(Array.from({ length: LANES }, lane));

        const expected = requests.flatMap(({ id, forwarded }) => {
          if (forwarded === null) return [];
          const { body, ...rest } = forwarded;
          return [{ id, ...rest, sha256: sha256(body) }];
        });
        // A server may write its log after its answer.
        await expect.poll(() => logged().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(expected.length);
        const got = logged();
        const bodies = new Map(got.map((request) => [request.id, request.sha256]));
        expect(sorted(got)).toEqual(
          sorted(
            expected.map((request) => ({
              ...request,
              sha256: bodies.get(request.id) === null ? null : request.sha256,
            })),
          ),
        );
        expect(got.filter((request) => request.sha256 !== null).length).toBeGreaterThan(expected.length * 0.8);
        expect(await countedBy(proxy.adminPort)).toBe(expected.length);
      },
    );
  }
});

function sorted(list: readonly LoggedRequest[]): LoggedRequest[] {
  return [...list].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Requests that may share a connection; one that ends it comes last. */
function batchesOf(all: readonly OddRequest[]): OddRequest[][] {
  const batches: OddRequest[][] = [[]];
  for (const request of all) {
    const batch = batches.at(-1) as OddRequest[];
    batch.push(request);
    if (request.isLast || batch.length === MOST_AT_ONCE) batches.push([]);
  }
  return batches.filter((batch) => batch.length > 0);
}

/** Pipelines a batch on a connection of its own, and reads the answers. */
async function send(port: number, batch: readonly OddRequest[]): Promise<void> {
  const client = await connectRaw(port);
  client.send(batch.map(({ bytes }) => bytes).join(''));
  for (const request of batch) await checkAnswer(client, request);
  client.end();
}

async function checkAnswer(client: RawClient, { bytes, method, forwarded }: OddRequest): Promise<void> {
  const shown = JSON.stringify(bytes.slice(0, 600));
  let answer = await client.next(method);
  while (statusOf(answer) < 200) answer = await client.next(method);
  const isOurs = headerOf(answer, 'connection') === 'close' && /"error":"[a-z_]+","request_id":/.test(answer.body);
  if (forwarded === null) {
    expect([statusOf(answer), method === 'HEAD' || isOurs], `${shown} was not refused`).toEqual([
      expect.toBeOneOf([400, 405, 417, 501, 505]),
      true,
    ]);
  } else {
    expect([statusOf(answer), isOurs], shown).toEqual([200, false]);
  }
}

/** Requests that we count as given to backends. */
async function countedBy(adminPort: number | null): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/health`);
  const { upstreams } = (await answer.json()) as { upstreams: { app: { backends: { requests_total: number }[] } } };
  return upstreams.app.backends.reduce((sum, { requests_total: total }) => sum + total, 0);
}
