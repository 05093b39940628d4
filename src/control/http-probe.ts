/**
 * Asks a backend for a page and judges the answer. One undici Client per backend; every other probe opens a new connection, so
 * that a dead listener is not hidden by a connection that still lives. Redirects are answers, not orders.
 * Never rejects, never throws: whatever goes wrong is a result.
 */

import type { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { formatAuthority } from '../base/authority.ts';
import type { Clock } from '../base/time.ts';
import type { Backend } from '../model/backend.ts';
import type { HttpProbeSettings, ProbeExpectation } from '../model/probe-settings.ts';
import type { ProbeResult } from '../model/signal.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import { complaintAbout, type HttpAnswer } from './http-expectation.ts';
import { first, readProbeLoad } from './probe-load.ts';
import {
  ANSWER_LIMIT_BYTES,
  codeOf,
  describeSocketError,
  describeStatus,
  isRefused,
  ProbeRun,
  USER_AGENT,
} from './probe-run.ts';
import type { Probe, ProbeDone } from './prober.ts';

interface Session {
  readonly client: Client;
  /** Connections that have not finished their TLS handshake; undici does not know them yet. */
  readonly handshakes: Set<Socket>;
  /** The last probe left its connection open, for this one to use. */
  isKept: boolean;
}

export class HttpProbe implements Probe<HttpProbeSettings> {
  private readonly clock: Clock;
  private readonly tls: BackendTls | null;
  private readonly sessions = new Map<Backend, Session>();

  /** @param tls for backends that want TLS; null = none of them does */
  constructor(clock: Clock, tls: BackendTls | null = null) {
    this.clock = clock;
    this.tls = tls;
  }

  run(backend: Backend, settings: HttpProbeSettings, done: ProbeDone): void {
    const run = new ProbeRun(this.clock, settings.timeoutMs, done);
    const ending = new AbortController();
    run.onEnd((ok) => {
      if (ok) return;
      // Not after a whole answer: there is nothing to end, and making the reason costs as much as the rest of the probe.
      ending.abort();
      this.forget(backend);
    });
    this.ask(backend, settings, ending.signal).then(
      (answer) => run.end(judge(answer, settings.expect), readProbeLoad(answer.headers, answer.body)),
      (error: unknown) => run.fail(describeError(this.explain(error, backend)), isRefused(error)),
    );
  }

  forget(backend: Backend): void {
    const session = this.sessions.get(backend);
    this.sessions.delete(backend);
    void session?.client.destroy().catch(() => {});
    for (const socket of session?.handshakes ?? []) socket.destroy();
  }

  async close(): Promise<void> {
    for (const backend of [...this.sessions.keys()]) this.forget(backend);
  }

  /** A connection that was kept may have been closed at the very moment it is used; that says nothing, so ask again. */
  private async ask(backend: Backend, settings: HttpProbeSettings, signal: AbortSignal): Promise<HttpAnswer> {
    const session = this.sessionOf(backend, settings);
    if (!session.isKept) return exchange(session, backend, settings, signal);
    try {
      return await exchange(session, backend, settings, signal);
    } catch (error) {
      const isForgotten = this.sessions.get(backend) !== session;
      if (signal.aborted || isForgotten || isRefused(error)) throw error;
      this.forget(backend);
      return exchange(this.sessionOf(backend, settings), backend, settings, signal);
    }
  }

  /** What TLS has to do with it, where it has: a backend may refuse our certificate only after the handshake. */
  private explain(error: unknown, backend: Backend): unknown {
    if (!backend.tls || this.tls === null || !(error instanceof Error)) return error;
    return this.tls.explain(error.cause instanceof Error ? error.cause : error, backend);
  }

  private sessionOf(backend: Backend, settings: HttpProbeSettings): Session {
    const existing = this.sessions.get(backend);
    if (existing !== undefined) return existing;
    const origin = `${backend.tls ? 'https' : 'http'}://${formatAuthority(backend.host, settings.port ?? backend.port)}`;
    const handshakes = new Set<Socket>();
    const client = new Client(origin, {
      connect:
        backend.tls && this.tls !== null
          ? connectorFor(this.tls, backend, settings.port, handshakes)
          : { timeout: settings.timeoutMs },
      // Kept for the one probe that reuses it; what a server announces may shorten this.
      keepAliveTimeout: 2 * settings.intervalMs + settings.timeoutMs,
    });
    const session = { client, handshakes, isKept: false };
    this.sessions.set(backend, session);
    return session;
  }
}

/** Connects by the rules that requests keep, each time with a full handshake: a probe is to see the present certificate. */
function connectorFor(
  tls: BackendTls,
  backend: Backend,
  port: number | null,
  handshakes: Set<Socket>,
): buildConnector.connector {
  return (_, done) => {
    const finish = (result: Parameters<typeof done>) => {
      if (handshakes.delete(socket)) done(...result);
    };
    const onSecure = () => finish([null, socket]);
    const socket = tls.connect(backend, { protocol: 'http/1.1', port, isFresh: true, onSecure });
    handshakes.add(socket);
    socket.once('error', (error) => finish([tls.explain(error, backend), null]));
    socket.once('close', () => finish([new Error('connection closed'), null]));
  };
}

/** One request on the session: on a kept connection the last one, on a new one the first of two. */
async function exchange(
  session: Session,
  backend: Backend,
  settings: HttpProbeSettings,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const closes = session.isKept;
  const response = await session.client.request({
    path: settings.path,
    method: settings.method as Dispatcher.HttpMethod,
    headers: {
      host: settings.host ?? formatAuthority(backend.host, backend.port),
      'user-agent': USER_AGENT,
      accept: '*/*',
    },
    signal,
    reset: closes,
  });
  const body = await readBody(response);
  session.isKept = !closes;
  return { status: response.statusCode, headers: response.headers, body };
}

function judge(answer: HttpAnswer, expect: ProbeExpectation): Omit<ProbeResult, 'latencyMs'> {
  const { status, headers } = answer;
  const complaint = complaintAbout(answer, expect);
  // A 404 or 503 with it is no failure, but a farewell.
  const saysDrain = first(headers, 'x-pulsegate-drain') === '1';
  const draining = saysDrain && (complaint === null || status === 404 || status === 503);
  const detail = draining ? `${describeStatus(status)}, draining` : (complaint ?? describeStatus(status));
  return { ok: complaint === null, status, detail, refused: false, draining };
}

/** The beginning of a body, up to the limit; a longer one is cut off together with its connection. */
async function readBody({ body }: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= ANSWER_LIMIT_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_LIMIT_BYTES).toString('utf8');
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'connection closed before the answer was whole',
  UND_ERR_CONNECT_TIMEOUT: 'connect timed out',
};

function describeError(error: unknown): string {
  return DESCRIPTIONS[codeOf(error) ?? ''] ?? describeSocketError(error);
}
