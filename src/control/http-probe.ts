/**
 * Asks a backend for a page and judges the answer. One undici Client per backend; every other probe opens a new connection, so
 * that a dead listener is not hidden by a connection that still lives. Redirects are answers, not orders.
 * Never rejects, never throws: whatever goes wrong is a result.
 */

import { STATUS_CODES } from 'node:http';
import { isIP } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { type Clock, formatDuration } from '../base/time.ts';
import type { ParsedLoad } from '../health/orca.ts';
import type { Backend } from '../model/backend.ts';
import type { ProbeExpectation, ProbeSettings } from '../model/settings.ts';
import type { ProbeResult } from '../model/signal.ts';
import { first, readProbeLoad } from './probe-load.ts';
import type { Probe } from './prober.ts';

/** What is read of a body, at most. */
const BODY_LIMIT_BYTES = 64 * 1024;
const USER_AGENT = 'pulsegate/probe';

interface Session {
  readonly client: Client;
  /** The last probe left its connection open, for this one to use. */
  isKept: boolean;
}

interface Answer {
  readonly status: number;
  readonly complaint: string | null;
  /** `x-pulsegate-drain: 1`: a 404 or 503 is then no failure, but a farewell. */
  readonly draining: boolean;
  readonly load: ParsedLoad;
}

export function createHttpProbe(clock: Clock): Probe {
  return new HttpProbe(clock);
}

class HttpProbe implements Probe {
  private readonly clock: Clock;
  private readonly sessions = new Map<Backend, Session>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  run(backend: Backend, settings: ProbeSettings, done: Parameters<Probe['run']>[2]): void {
    const startedMs = this.clock.now();
    const timeout = new AbortController();
    const timer = this.clock.at(startedMs + settings.timeoutMs, () => timeout.abort());
    const finish = (result: Omit<ProbeResult, 'latencyMs'>, load?: ParsedLoad) => {
      timer.cancel();
      if (!result.ok) this.forget(backend);
      done({ ...result, latencyMs: this.clock.now() - startedMs }, load);
    };
    this.ask(backend, settings, timeout.signal).then(
      ({ status, complaint, draining, load }) => {
        const detail = draining ? `${describeStatus(status)}, draining` : (complaint ?? describeStatus(status));
        finish({ ok: complaint === null, status, detail, refused: false, draining }, load);
      },
      (error: unknown) => {
        const isLate = timeout.signal.aborted;
        const detail = isLate ? `no answer within ${formatDuration(settings.timeoutMs)}` : describeError(error);
        finish({ ok: false, status: null, detail, refused: !isLate && codeOf(error) === 'ECONNREFUSED' });
      },
    );
  }

  forget(backend: Backend): void {
    const session = this.sessions.get(backend);
    this.sessions.delete(backend);
    void session?.client.destroy().catch(() => {});
  }

  async close(): Promise<void> {
    for (const backend of [...this.sessions.keys()]) this.forget(backend);
  }

  /** A connection that was kept may have been closed at the very moment it is used; that says nothing, so ask again. */
  private async ask(backend: Backend, settings: ProbeSettings, signal: AbortSignal): Promise<Answer> {
    const session = this.sessionOf(backend, settings);
    if (!session.isKept) return exchange(session, backend, settings, signal);
    try {
      return await exchange(session, backend, settings, signal);
    } catch (error) {
      if (signal.aborted || codeOf(error) === 'ECONNREFUSED') throw error;
      this.forget(backend);
      return exchange(this.sessionOf(backend, settings), backend, settings, signal);
    }
  }

  private sessionOf(backend: Backend, settings: ProbeSettings): Session {
    const existing = this.sessions.get(backend);
    if (existing !== undefined) return existing;
    const origin = `${backend.tls ? 'https' : 'http'}://${authorityOf(backend, settings.port ?? backend.port)}`;
    const client = new Client(origin, {
      connect: { timeout: settings.timeoutMs, ...(isIP(backend.host) === 0 ? { servername: backend.host } : {}) },
      // Kept for the one probe that reuses it; what a server announces may shorten this.
      keepAliveTimeout: 2 * settings.intervalMs + settings.timeoutMs,
    });
    const session = { client, isKept: false };
    this.sessions.set(backend, session);
    return session;
  }
}

/** One request on the session: on a kept connection the last one, on a new one the first of two. */
async function exchange(
  session: Session,
  backend: Backend,
  settings: ProbeSettings,
  signal: AbortSignal,
): Promise<Answer> {
  const closes = session.isKept;
  const response = await session.client.request({
    path: settings.path,
    method: settings.method as Dispatcher.HttpMethod,
    headers: { host: settings.host ?? authorityOf(backend, backend.port), 'user-agent': USER_AGENT, accept: '*/*' },
    signal,
    reset: closes,
  });
  const body = await readBody(response);
  session.isKept = !closes;
  const { statusCode: status, headers } = response;
  const complaint = judge(response, body, settings.expect);
  const saysDrain = first(headers, 'x-pulsegate-drain') === '1';
  const draining = saysDrain && (complaint === null || status === 404 || status === 503);
  return { status, complaint, draining, load: readProbeLoad(headers, body) };
}

function authorityOf({ host }: Backend, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The beginning of a body, up to the limit; a longer one is cut off together with its connection. */
async function readBody({ body }: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= BODY_LIMIT_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, BODY_LIMIT_BYTES).toString('utf8');
}

/** What an answer lacks; null when it is as expected. */
function judge(
  { statusCode, headers }: Dispatcher.ResponseData,
  body: string,
  expect: ProbeExpectation,
): string | null {
  if (!expect.status.some(([low, high]) => statusCode >= low && statusCode <= high)) {
    const ranges = expect.status.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(', ');
    return `${describeStatus(statusCode)}, expected ${ranges}`;
  }
  if (expect.header !== null) {
    const { name, value } = expect.header;
    const found = headers[name.toLowerCase()];
    if (found === undefined) return `header ${name} is missing`;
    if (value !== null && !String(found).includes(value)) return `header ${name} lacks "${value}"`;
  }
  return expect.body === null || body.includes(expect.body) ? null : `body lacks "${expect.body}"`;
}

/** `200 OK` */
function describeStatus(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
}

function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return String(error.code);
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'connection closed before the answer was whole',
  UND_ERR_CONNECT_TIMEOUT: 'connect timed out',
};

function describeError(error: unknown): string {
  const code = codeOf(error);
  if (code === null) return error instanceof Error ? error.message : String(error);
  const isConnect =
    error instanceof Error && ('syscall' in error ? error.syscall === 'connect' : code === 'ECONNREFUSED');
  return DESCRIPTIONS[code] ?? (isConnect ? `connect ${code}` : code);
}
