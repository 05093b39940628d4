/** What gRPC's statuses do to backends' health and to retries, and what a killed backend does to calls. */

import { join } from 'node:path';
import { Metadata, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { callUnary, connectGrpc, type EchoService, startGrpcServer } from '../support/grpc.ts';
import { startProcess } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';

const GRPC_PROCESS = join(import.meta.dirname, '../support/grpc-process.mjs');
const MESSAGE = Buffer.from('a');

async function startPool(services: readonly EchoService[], upstream: object = {}) {
  const servers = await Promise.all(services.map((service) => startGrpcServer(service)));
  const proxy = await startProxy({
    backends: servers.map(({ origin }) => origin),
    listener: { cleartext_http2: true },
    upstream: { protocol: 'h2c', balance: 'first', outliers: {}, ...upstream },
    admin: true,
  });
  const health = async (index = 0) => {
    const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/health/app`);
    const { backends } = (await answer.json()) as { backends: Record<string, unknown>[] };
    return backends[index];
  };
  return { client: connectGrpc(proxy.port), health };
}

const answering: EchoService = { unary: (_call, respond) => respond(null, Buffer.from('fine')) };
const failing = (code: status): EchoService => ({ unary: (_call, respond) => respond({ code }) });

describe('a status that the server answers', () => {
  it.each([
    ['UNAVAILABLE', status.UNAVAILABLE, 1],
    ['UNKNOWN', status.UNKNOWN, 1],
    ['INTERNAL', status.INTERNAL, 1],
    ['DATA_LOSS', status.DATA_LOSS, 1],
    ['DEADLINE_EXCEEDED of its own', status.DEADLINE_EXCEEDED, 1],
    ['RESOURCE_EXHAUSTED', status.RESOURCE_EXHAUSTED, 0],
    ['NOT_FOUND', status.NOT_FOUND, 0],
    ['PERMISSION_DENIED', status.PERMISSION_DENIED, 0],
    ['CANCELLED', status.CANCELLED, 0],
  ])('%s reaches the client as it is', async (_, code, failures) => {
    const { client, health } = await startPool([failing(code)]);
    expect((await callUnary(client, MESSAGE)).error?.code).toBe(code);
    expect(await health()).toMatchObject({ failures_total: failures });
  });

  it('behind messages counts in the same way', async () => {
    const { client, health } = await startPool([
      {
        unary: (call, respond) => {
          call.sendMetadata(new Metadata());
          respond({ code: status.INTERNAL });
        },
      },
    ]);
    expect((await callUnary(client, MESSAGE)).error?.code).toBe(status.INTERNAL);
    expect(await health()).toMatchObject({ failures_total: 1 });
  });

  it('again and again ejects its backend', async () => {
    const { client, health } = await startPool([failing(status.UNAVAILABLE), answering], {
      outliers: { consecutive: 3 },
    });
    for (let i = 0; i < 3; i++) await callUnary(client, MESSAGE);
    expect(await health()).toMatchObject({ status: 'ejected' });
    expect((await callUnary(client, MESSAGE)).error).toBeNull();
  });

  it('is not held against a backend when it says that the time of the client is up', async () => {
    const { client, health } = await startPool([
      { unary: (_call, respond) => setTimeout(respond, 150, { code: status.DEADLINE_EXCEEDED }) },
    ]);
    const metadata = new Metadata();
    // The client itself waits longer than it says.
    metadata.set('grpc-timeout', '100m');
    expect((await callUnary(client, MESSAGE, metadata)).error?.code).toBe(status.DEADLINE_EXCEEDED);
    expect(await health()).toMatchObject({ failures_total: 0, in_flight: 0 });
  });
});

describe('a call that could not be served', () => {
  it('is made elsewhere when its methods are said to be repeatable', async () => {
    const { client, health } = await startPool([failing(status.UNAVAILABLE), answering], { retry: { methods: 'all' } });
    const { error, message } = await callUnary(client, MESSAGE);
    expect(error).toBeNull();
    expect(String(message)).toBe('fine');
    expect(await health()).toMatchObject({ failures_total: 1, retries_total: 1 });
  });

  it('is not made again otherwise: gRPC is POST', async () => {
    const { client } = await startPool([failing(status.UNAVAILABLE), answering]);
    expect((await callUnary(client, MESSAGE)).error?.code).toBe(status.UNAVAILABLE);
  });
});

it('a load report in the trailers is read, and goes no further', async () => {
  const { client, health } = await startPool(
    [
      {
        unary: (_call, respond) => {
          const trailers = new Metadata();
          trailers.set('endpoint-load-metrics', 'TEXT application_utilization=0.7');
          trailers.set('x-kept', 'yes');
          respond(null, MESSAGE, trailers);
        },
      },
    ],
    { load: { blackout: '0s' } },
  );
  const trailers = (await callUnary(client, MESSAGE)).trailers as Metadata;
  expect(trailers.get('x-kept')).toEqual(['yes']);
  expect(trailers.get('endpoint-load-metrics')).toEqual([]);
  expect(await health()).toMatchObject({ load: { utilization: 0.7, source: 'response' } });
});

it('kill -9 of a gRPC backend under load fails no call that may be made again', { timeout: 30_000 }, async () => {
  const start = async (id: string) => {
    const backend = startProcess(process.execPath, [GRPC_PROCESS, id, '0']);
    const port = await backend.watch.until(
      () => backend.lines[0] ?? null,
      () => `${id} did not start`,
    );
    return { ...backend, origin: `http://127.0.0.1:${port}` };
  };
  const backends = await Promise.all(['a', 'b', 'c'].map(start));
  const { port } = await startProxy({
    backends: backends.map(({ origin }) => origin),
    listener: { cleartext_http2: true },
    upstream: { protocol: 'h2c', outliers: {}, retry: { methods: 'all', budget: '100%' } },
  });
  const client = connectGrpc(port);
  const calls: ReturnType<typeof callUnary>[] = [];
  for (let i = 0; i < 150; i++) {
    for (let n = 0; n < 4; n++) calls.push(callUnary(client, MESSAGE));
    if (i === 50) backends[1]?.kill('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const results = await Promise.all(calls);
  expect(results.filter(({ error }) => error !== null).map(({ error }) => error?.message)).toEqual([]);
  expect(new Set(results.map(({ message }) => String(message)))).toEqual(new Set(['a', 'b', 'c']));
});
