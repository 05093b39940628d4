/**
 * A few hundred hostile answers, over new and over used connections, with bystanders beside and victims behind each: every
 * client sees its own answer or a 502 or a cut, never somebody else's and never half an answer that looks whole.
 * A failure prints its seed: `HOSTILE_SEED=…` repeats it, `HOSTILE_RUNS=…` widens the search.
 */

import { describe, expect, it } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import { type HostileAnswer, KINDS, type Kind } from '../support/hostile-answers.ts';
import { type HostileClient, openHttp1Client, openHttp2Client, type Seen } from '../support/hostile-client.ts';
import { startProxy } from '../support/proxy.ts';
import { type RecordedConnection, type RecordingBackend, startRecordingBackend } from '../support/recording-backend.ts';

const SEED = process.env.HOSTILE_SEED ?? 'pulsegate';
/** For each kind, over each sort of connection. */
const RUNS = Number(process.env.HOSTILE_RUNS ?? 40);
const VICTIMS = 2;

/** How a client speaks with us. Another protocol is another row. */
const CLIENTS: readonly (readonly [name: string, open: (port: number) => Promise<HostileClient>])[] = [
  ['HTTP/1.1', openHttp1Client],
  ['HTTP/2', openHttp2Client],
];
const CONNECTIONS = ['new', 'used'] as const;

const cases = CLIENTS.flatMap(([client, open]) =>
  Object.entries(KINDS).flatMap(([kind, make]) =>
    CONNECTIONS.map((connection) => [client, kind, connection, open, make] as const),
  ),
);

describe(`hostile backends (seed ${SEED}) [F13 F74 F75 F76 F77 F78 R29 R30 R31]`, () => {
  it.each(cases)(
    '%s: a backend that %s, over a %s connection',
    { timeout: 60_000 },
    async (client, kind, connection, open, make) => {
      const script = new Map<string, HostileAnswer>();
      const backend = await startRecordingBackend((request) => respond(request, script));
      const keepalive = connection === 'new' ? { max_requests: 1 } : null;
      const proxy = await startProxy({
        listener: { cleartext_http2: client === 'HTTP/2' },
        backends: [backend.url],
        upstream: { retry: { attempts: 0 }, ...(keepalive && { keepalive }) },
      });
      const root = createRng(`${SEED}/${client}/${kind}/${connection}`);
      for (let run = 0; run < RUNS; run++) {
        const rng = root.fork(String(run));
        const attack = make(rng, `${run}-a`);
        try {
          await play(attack, run, { backend, script, open: () => open(proxy.port) });
        } catch (error) {
          const answer = JSON.stringify(attack, null, 1).slice(0, 1_500);
          throw new Error(`seed ${SEED}, run ${run}: ${(error as Error).message}\n${answer}`);
        }
      }
      expect(backend.violations).toEqual([]);
    },
  );

  it('are of all sorts', () => {
    const rng = createRng(SEED);
    const fates = new Set(
      Object.values(KINDS).flatMap((make: Kind) => Array.from({ length: RUNS }, () => make(rng, 'x').fate)),
    );
    expect(fates).toEqual(new Set(['whole', 'refused', 'cut', 'refused or cut']));
    expect(cases.length * RUNS).toBeGreaterThanOrEqual(800);
  });
});

interface Stage {
  readonly backend: RecordingBackend;
  readonly script: Map<string, HostileAnswer>;
  readonly open: () => Promise<HostileClient>;
}

async function play(attack: HostileAnswer, run: number, { backend, script, open }: Stage): Promise<void> {
  const id = `${run}-a`;
  script.set(id, attack);
  const [client, bystander] = await Promise.all([open(), open()]);
  // So that there is a connection to be used again, where there may be.
  checkOwn(await client.ask('GET', `${run}-w`), `${run}-w`);

  const beside = bystander.ask('GET', `${run}-b`);
  const answered = client.ask(attack.method, id, attack.early);
  if (attack.early) {
    const connection = await connectionOf(backend, id);
    send(connection, attack);
  }
  checkFate(await answered, attack, id);
  checkOwn(await beside, `${run}-b`);

  const victims = await Promise.all(
    [client, bystander, await open()].map(async (who, i) => {
      const seen: [Seen, string][] = [];
      for (let n = 0; n < VICTIMS; n++) seen.push([await who.ask('GET', `${run}-v${i}${n}`), `${run}-v${i}${n}`]);
      return seen;
    }),
  );
  for (const [seen, victim] of victims.flat()) checkOwn(seen, victim);
  if (!attack.reusable) {
    const { received } = await connectionOf(backend, id);
    const after = received.slice(received.indexOf(`/${id} `)).match(/^[A-Z]+ \S+ HTTP/gm) ?? [];
    expect(after.length, 'requests on the connection of a bad answer').toBeLessThanOrEqual(1);
  }
  for (const who of [client, bystander]) who.close();
}

function checkFate(seen: Seen, { fate, status, body }: HostileAnswer, id: string): void {
  expect(seen.foreign(id), 'ids of others').toEqual([]);
  if (fate === 'refused or cut') {
    if (seen.status !== 502) expect(seen.isWhole).toBe(false);
  } else if (fate === 'cut') {
    expect(seen.isWhole, `a cut answer looks whole: ${JSON.stringify(seen.body)}`).toBe(false);
  } else {
    expect({ isWhole: seen.isWhole, status: seen.status }).toEqual({
      isWhole: true,
      status: fate === 'refused' ? 502 : status,
    });
    if (fate === 'refused') expect(JSON.parse(seen.body).error).toBe('bad_gateway');
    else expect(seen.body).toBe(body);
  }
}

/** The ordinary answer to an ordinary request. */
function checkOwn(seen: Seen, id: string): void {
  const { isWhole, status, body } = seen;
  expect(JSON.stringify({ isWhole, status, body })).toBe(
    JSON.stringify({ isWhole: true, status: 200, body: `id=${id};` }),
  );
}

function respond(request: RecordedRequestLike, script: ReadonlyMap<string, HostileAnswer>): void {
  const id = request.startLine.split(' ')[1]?.slice(1) ?? '';
  const attack = script.get(id);
  if (attack !== undefined) {
    send(request.connection, attack);
    return;
  }
  const body = `id=${id};`;
  request.connection.socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
}

interface RecordedRequestLike {
  readonly startLine: string;
  readonly connection: RecordedConnection;
}

/** Piece by piece, each with a turn of the event loop for itself. */
function send({ socket }: RecordedConnection, { bytes, pieces, ending }: HostileAnswer): void {
  let pos = 0;
  const next = (n: number) => {
    if (socket.destroyed) return;
    const length = pieces[n] ?? Infinity;
    const part = bytes.slice(pos, pos + length);
    pos += part.length;
    if (part !== '') socket.write(part, 'latin1');
    if (pos < bytes.length) setImmediate(next, n + 1);
    else if (ending === 'close') socket.end();
    else if (ending === 'reset') setImmediate(() => socket.resetAndDestroy());
  };
  next(0);
}

function connectionOf(backend: RecordingBackend, id: string): Promise<RecordedConnection> {
  return backend.watch.until(
    () => backend.connections.find(({ received }) => received.includes(` /${id} `)) ?? null,
    () => `the request ${id} never came`,
  );
}
