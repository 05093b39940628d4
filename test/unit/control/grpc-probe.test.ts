import { constants, createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { describe, expect, it } from 'vitest';
import { encodeCheckRequest } from '../../../src/control/grpc-frame.ts';
import { GrpcProbe } from '../../../src/control/grpc-probe.ts';
import type { Backend } from '../../../src/model/backend.ts';
import type { GrpcProbeSettings } from '../../../src/model/probe-settings.ts';
import type { ProbeResult } from '../../../src/model/signal.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { afterTest, listen, nobody, SCHEDULE, serveTcp } from './probe-support.ts';

const CHECK: GrpcProbeSettings = { ...SCHEDULE, type: 'grpc', host: null, service: '' };
const SERVING = Buffer.from([0, 0, 0, 0, 2, 0x08, 1]);
const NOT_SERVING = Buffer.from([0, 0, 0, 0, 2, 0x08, 2]);

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A real HTTP/2 server without TLS; knows its sessions. */
async function serveHttp2(onStream: (stream: ServerHttp2Stream, headers: Headers) => void) {
  const sessions: ServerHttp2Session[] = [];
  const server = createServer();
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => {});
    afterTest(() => session.destroy());
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers as Headers);
  });
  return { backend: await listen(server), sessions };
}

function respond(stream: ServerHttp2Stream, message: Buffer | string, trailers: Record<string, string>): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(message);
}

function createProbe(overrides: Partial<GrpcProbeSettings> = {}) {
  const probe = new GrpcProbe(systemClock);
  afterTest(() => probe.close());
  const run = (backend: Backend) =>
    new Promise<ProbeResult>((resolve) => probe.run(backend, { ...CHECK, ...overrides }, resolve));
  return { probe, run };
}

/** Probes once, expects a failure that blames no missing listener, and returns its words. */
async function failureOf(backend: Backend, overrides: Partial<GrpcProbeSettings> = {}): Promise<string> {
  const result = await createProbe(overrides).run(backend);
  expect(result).toMatchObject({ ok: false, status: null, refused: false });
  return result.detail;
}

describe('the gRPC probe', () => {
  it('asks the health service for the whole server, and passes when it serves', async () => {
    let seen: Headers = {};
    const body: Buffer[] = [];
    const { backend } = await serveHttp2((stream, headers) => {
      seen = headers;
      stream.on('data', (chunk: Buffer) => body.push(chunk));
      stream.on('end', () => respond(stream, SERVING, { 'grpc-status': '0' }));
    });
    expect(await createProbe().run(backend)).toMatchObject({ ok: true, detail: 'SERVING', refused: false });
    expect(seen).toMatchObject({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      ':authority': `127.0.0.1:${backend.port}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'pulsegate/probe',
    });
    expect(Buffer.concat(body)).toEqual(Buffer.alloc(5));
  });

  it('asks for one service, under another name, on another port', async () => {
    let authority: string | string[] | undefined;
    const body: Buffer[] = [];
    const { backend } = await serveHttp2((stream, headers) => {
      authority = headers[':authority'];
      stream.on('data', (chunk: Buffer) => body.push(chunk));
      stream.on('end', () => respond(stream, SERVING, { 'grpc-status': '0' }));
    });
    const { run } = createProbe({ service: 'shop.Cart', host: 'cart.example', port: backend.port });
    expect(await run({ ...backend, port: 1 })).toMatchObject({ ok: true });
    expect(authority).toBe('cart.example');
    expect(Buffer.concat(body)).toEqual(encodeCheckRequest('shop.Cart'));
  });

  it('uses a new session for every other probe, and keeps none for longer', async () => {
    const { backend, sessions } = await serveHttp2((stream) => respond(stream, SERVING, { 'grpc-status': '0' }));
    const { run } = createProbe();
    const counts: number[] = [];
    for (let n = 0; n < 6; n++) {
      expect((await run(backend)).ok).toBe(true);
      counts.push(sessions.length);
    }
    expect(counts).toEqual([1, 1, 2, 2, 3, 3]);
    await expect.poll(() => sessions.every(({ destroyed }) => destroyed)).toBe(true);
  });

  it('asks again on a new session when the kept one ends under it', async () => {
    const { backend, sessions } = await serveHttp2((stream) => {
      if (sessions.length === 1 && stream.id !== 1) stream.session?.destroy();
      else respond(stream, SERVING, { 'grpc-status': '0' });
    });
    const { run } = createProbe();
    for (let n = 0; n < 2; n++) expect(await run(backend)).toMatchObject({ ok: true });
    expect(sessions).toHaveLength(2);
  });

  it('does not use a session that was told to go away', async () => {
    const { backend, sessions } = await serveHttp2((stream) => {
      stream.session?.goaway();
      respond(stream, SERVING, { 'grpc-status': '0' });
    });
    const { run } = createProbe();
    for (let n = 1; n <= 3; n++) {
      expect(await run(backend)).toMatchObject({ ok: true });
      await expect.poll(() => sessions.length).toBe(n);
    }
  });

  it.each([
    ['UNKNOWN', [0, 0, 0, 0, 0]],
    ['UNKNOWN', [0, 0, 0, 0, 2, 0x08, 0]],
    ['NOT_SERVING', [...NOT_SERVING]],
    ['SERVICE_UNKNOWN', [0, 0, 0, 0, 2, 0x08, 3]],
    ['serving status 9', [0, 0, 0, 0, 2, 0x08, 9]],
    ['the gRPC frame is cut short', [0, 0, 0]],
  ])('fails a server that answers %s', async (detail, bytes) => {
    const { backend } = await serveHttp2((stream) => respond(stream, Buffer.from(bytes), { 'grpc-status': '0' }));
    expect(await failureOf(backend)).toBe(detail);
  });

  it('says when the server has no health service', async () => {
    const { backend } = await serveHttp2((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' }, { endStream: true });
    });
    expect(await failureOf(backend)).toBe('grpc-status 12 UNIMPLEMENTED');
  });

  it("shows the server's own words, up to a length", async () => {
    const { backend } = await serveHttp2((stream) =>
      respond(stream, '', { 'grpc-status': '5', 'grpc-message': `unknown service ${'x'.repeat(1_000)}` }),
    );
    const detail = await failureOf(backend, { service: 'nope' });
    expect(detail).toMatch(/^grpc-status 5 NOT_FOUND: unknown service x+$/);
    expect(detail).toHaveLength(200);
  });

  it('fails an answer whose trailers report an error after a message', async () => {
    const { backend } = await serveHttp2((stream) => respond(stream, SERVING, { 'grpc-status': '14' }));
    expect(await failureOf(backend)).toBe('grpc-status 14 UNAVAILABLE');
  });

  it('fails an HTTP answer that is not gRPC', async () => {
    const { backend } = await serveHttp2((stream) => {
      stream.respond({ ':status': 404, 'content-type': 'text/html' });
      stream.end('<h1>Not found</h1>');
    });
    expect(await failureOf(backend)).toBe('404 Not Found without grpc-status');
  });

  it('does not follow an answer without end', async () => {
    const { backend } = await serveHttp2((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      const write = () => {
        while (!stream.destroyed && stream.write(Buffer.alloc(16_384)));
      };
      stream.on('drain', write);
      write();
    });
    expect(await failureOf(backend)).toBe('the answer is longer than 4 KiB');
  });

  it.each([
    ['REFUSED_STREAM', constants.NGHTTP2_REFUSED_STREAM],
    ['CANCEL', constants.NGHTTP2_CANCEL],
    ['error 4711', 4711],
  ])('says that the stream was reset with %s', async (name, code) => {
    const { backend } = await serveHttp2((stream) => stream.close(code));
    expect(await failureOf(backend)).toBe(`stream reset: ${name}`);
  });

  it('says that the server went away with an error', async () => {
    const { backend } = await serveHttp2((stream) => stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM));
    expect(await failureOf(backend)).toBe('GOAWAY ENHANCE_YOUR_CALM');
  });

  it('says that the connection closed, before an answer and inside one', async () => {
    const early = await serveHttp2((stream) => stream.session?.destroy());
    expect(await failureOf(early.backend)).toBe('connection closed before the answer was whole');
    const late = await serveHttp2((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.write(SERVING, () => stream.session?.destroy());
    });
    expect(await failureOf(late.backend)).toBe('connection closed before the answer was whole');
  });

  it('says that nobody listens', async () => {
    expect(await createProbe().run(await nobody())).toMatchObject({
      ok: false,
      detail: 'connect ECONNREFUSED',
      refused: true,
    });
  });

  it.each([
    ['that speaks HTTP/1.1 only', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'what came is no HTTP/2'],
    ['that closes', '', 'connection closed before the answer was whole'],
  ])('fails a server %s', async (_name, bytes, detail) => {
    const backend = await serveTcp((socket) => socket.once('data', () => socket.end(bytes)));
    expect(await failureOf(backend)).toBe(detail);
  });

  it('says that the connection was reset', async () => {
    const backend = await serveTcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(await failureOf(backend)).toBe('ECONNRESET');
  });

  it('gives up on a server that says nothing, and lets go of the connection', async () => {
    let ended: () => void = () => {};
    const hasEnded = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const backend = await serveTcp((socket) =>
      socket
        .on('close', ended)
        .on('end', () => socket.end())
        .resume(),
    );
    expect(await failureOf(backend, { timeoutMs: 50 })).toBe('no answer within 50 ms');
    await hasEnded;
  });

  it('gives up on a server that never finishes its answer', async () => {
    const { backend } = await serveHttp2((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.write(SERVING.subarray(0, 3));
    });
    expect(await failureOf(backend, { timeoutMs: 100 })).toBe('no answer within 100 ms');
  });

  it('lets go of a backend that has left, in the middle of a probe and between two', async () => {
    const { probe, run } = createProbe();
    const { backend, sessions } = await serveHttp2((stream) => {
      if (sessions.length > 1) probe.forget(backend);
      else respond(stream, SERVING, { 'grpc-status': '0' });
    });
    await run(backend);
    probe.forget(backend);
    expect(await run(backend)).toMatchObject({ ok: false, refused: false });
    await expect.poll(() => sessions.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });
});
