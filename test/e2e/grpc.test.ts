/** gRPC end to end: a client and a server that others wrote, and the proxy between them, over HTTP/2 on both sides. */

import { randomBytes } from 'node:crypto';
import { Metadata, status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import {
  callUnary,
  connectGrpc,
  type EchoClient,
  type EchoService,
  PATHS,
  same,
  startGrpcServer,
} from '../support/grpc.ts';
import { startProxy } from '../support/proxy.ts';
import { createWatch } from '../support/until.ts';

const MIB = 1_048_576;

async function startCalls(service: EchoService, upstream: object = {}, listener: object = {}): Promise<EchoClient> {
  const server = await startGrpcServer(service);
  const { port } = await startProxy({
    backends: [server.origin],
    listener: { cleartext_http2: true, ...listener },
    upstream: { protocol: 'h2c', ...upstream },
  });
  return connectGrpc(port);
}

it('a unary call brings its message and metadata, binary ones too, and trailers back', async () => {
  const client = await startCalls({
    unary: (call, respond) => {
      const initial = new Metadata();
      initial.set('x-seen', String(call.metadata.get('x-word')[0]));
      call.sendMetadata(initial);
      const trailers = new Metadata();
      trailers.set('x-last-bin', call.metadata.get('x-first-bin')[0] as Buffer);
      respond(null, Buffer.from(call.request.toString().toUpperCase()), trailers);
    },
  });
  const metadata = new Metadata();
  metadata.set('x-word', 'hello');
  metadata.set('x-first-bin', Buffer.from([0, 255, 10, 13]));
  const { error, message, headers, trailers } = await callUnary(client, Buffer.from('abc'), metadata);
  expect(error).toBeNull();
  expect(message?.toString()).toBe('ABC');
  expect(headers?.get('x-seen')).toEqual(['hello']);
  expect(trailers?.get('x-last-bin')).toEqual([Buffer.from([0, 255, 10, 13])]);
});

it('streams pass one message at a time in both directions, and either side may end first', async () => {
  const client = await startCalls({
    upload: (call, respond) => {
      let bytes = 0;
      call.on('data', (message: Buffer) => {
        bytes += message.length;
      });
      call.on('end', () => respond(null, Buffer.from(String(bytes))));
    },
    download: (call) => {
      for (let i = 0; i < 5; i++) call.write(Buffer.from(`${call.request}${i}`));
      call.end();
    },
    talk: (call) => {
      call.on('data', (message: Buffer) => {
        if (message.toString() === 'bye') call.end();
        else call.write(Buffer.from(`re: ${message}`));
      });
    },
  });
  const uploaded = new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest<Buffer, Buffer>(PATHS.upload, same, same, (error, answer) =>
      error ? reject(error) : resolve(String(answer)),
    );
    for (const part of ['a', 'bc', 'def']) call.write(Buffer.from(part));
    call.end();
  });
  expect(await uploaded).toBe('6');

  const download = client.makeServerStreamRequest<Buffer, Buffer>(PATHS.download, same, same, Buffer.from('n'));
  expect((await download.toArray()).map(String)).toEqual(['n0', 'n1', 'n2', 'n3', 'n4']);

  // Each answer comes while the request is under way; then the server ends, while the client has not.
  const talk = client.makeBidiStreamRequest<Buffer, Buffer>(PATHS.talk, same, same);
  const answers = talk[Symbol.asyncIterator]();
  for (const word of ['one', 'two', 'three']) {
    talk.write(Buffer.from(word));
    expect(String((await answers.next()).value)).toBe(`re: ${word}`);
  }
  const ended = new Promise((resolve) => talk.on('status', ({ code }) => resolve(code)));
  talk.write(Buffer.from('bye'));
  expect((await answers.next()).done).toBe(true);
  expect(await ended).toBe(status.OK);
});

it('messages of 4 MiB come through whole', async () => {
  const client = await startCalls({ unary: (call, respond) => respond(null, call.request) });
  const large = randomBytes(4 * MIB);
  const { error, message } = await callUnary(client, large);
  expect(error).toBeNull();
  expect(message?.equals(large)).toBe(true);
});

it('a status of the server reaches the client with its message, with and without an answer before it', async () => {
  const client = await startCalls({
    unary: (_call, respond) => respond({ code: status.NOT_FOUND, details: 'no such thing' }),
    download: (call) => {
      call.write(Buffer.from('one'));
      call.emit('error', { code: status.DATA_LOSS, details: 'the rest is lost' });
    },
  });
  expect((await callUnary(client, Buffer.from('a'))).error).toMatchObject({
    code: status.NOT_FOUND,
    details: 'no such thing',
  });
  const download = client.makeServerStreamRequest<Buffer, Buffer>(PATHS.download, same, same, Buffer.from('n'));
  const received: string[] = [];
  download.on('data', (message: Buffer) => received.push(String(message)));
  const error = await new Promise((resolve) => download.on('error', resolve));
  expect(error).toMatchObject({ code: status.DATA_LOSS, details: 'the rest is lost' });
  expect(received).toEqual(['one']);
});

it('a call that its client cancels is cancelled at the server', async () => {
  const watch = createWatch();
  let began = false;
  let cancelled = false;
  const client = await startCalls({
    talk: (call) => {
      began = true;
      call.on('cancelled', () => {
        cancelled = true;
        watch.notify();
      });
      watch.notify();
    },
  });
  const talk = client.makeBidiStreamRequest<Buffer, Buffer>(PATHS.talk, same, same);
  talk.on('error', () => {});
  talk.write(Buffer.from('a'));
  await watch.until(
    () => began || null,
    () => 'the call never began',
  );
  talk.cancel();
  await watch.until(
    () => cancelled || null,
    () => 'the server never heard of it',
  );
});

it('a call ends at the deadline that its client has given, at the server too', async () => {
  const watch = createWatch();
  let cancelled = false;
  let timeout: unknown;
  const client = await startCalls({
    unary: (call) => {
      timeout = call.getDeadline();
      call.on('cancelled', () => {
        cancelled = true;
        watch.notify();
      });
    },
  });
  const { error } = await callUnary(client, Buffer.from('a'), new Metadata(), { deadline: Date.now() + 300 });
  expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
  await watch.until(
    () => cancelled || null,
    () => 'the server never heard of it',
  );
  expect(timeout).not.toBe(Infinity);
});

it('what the proxy says itself, a gRPC client understands: 14 where no backend is, 12 where no route is', async () => {
  const { port } = await startProxy({
    backends: ['http://127.0.0.1:1'],
    listener: { cleartext_http2: true, routes: [{ path: '/test.Echo/Unary', upstream: 'app' }] },
    upstream: { protocol: 'h2c' },
  });
  const client = connectGrpc(port);
  expect((await callUnary(client, Buffer.from('a'))).error?.code).toBe(status.UNAVAILABLE);
  const download = client.makeServerStreamRequest<Buffer, Buffer>(PATHS.download, same, same, Buffer.from('n'));
  expect(await new Promise((resolve) => download.on('error', resolve))).toMatchObject({ code: status.UNIMPLEMENTED });
});

it('a call whose answer has begun may be silent for longer than the body of a request may', async () => {
  const client = await startCalls(
    {
      talk: (call) => {
        call.sendMetadata(new Metadata());
        call.on('data', (message: Buffer) => call.write(message));
        call.on('end', () => call.end());
      },
    },
    {},
    { timeouts: { body_idle: '200ms' } },
  );
  const talk = client.makeBidiStreamRequest<Buffer, Buffer>(PATHS.talk, same, same);
  await new Promise((resolve) => talk.once('metadata', resolve));
  // Several sweeps beyond the time-out: what must not happen cannot be waited for.
  await new Promise((resolve) => setTimeout(resolve, 600));
  talk.write(Buffer.from('still there'));
  talk.end();
  expect((await talk.toArray()).map(String)).toEqual(['still there']);
});

it('a call that is silent both ways for too long ends, and that is not held against its backend', async () => {
  const service: EchoService = { talk: (call) => call.sendMetadata(new Metadata()) };
  const server = await startGrpcServer(service);
  const { port, adminPort } = await startProxy({
    backends: [server.origin],
    listener: { cleartext_http2: true },
    upstream: { protocol: 'h2c', timeouts: { idle: '300ms' }, outliers: { consecutive: 1 } },
    admin: true,
  });
  const talk = connectGrpc(port).makeBidiStreamRequest<Buffer, Buffer>(PATHS.talk, same, same);
  const ended = new Promise<Error>((resolve) => talk.on('error', resolve));
  talk.resume();
  expect(await ended).not.toMatchObject({ code: status.OK });
  const health = await fetch(`http://127.0.0.1:${adminPort}/health/app`);
  expect(await health.json()).toMatchObject({ backends: [{ failures_total: 0, in_flight: 0, status: 'up' }] });
});
