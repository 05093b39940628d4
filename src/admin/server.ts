/**
 * The admin server: one small HTTP server beside the request path, from socket to answer. It bounds what a client can
 * hold (time, connections, header and body bytes), asks the guard, runs the route, and writes every change to the log.
 * Assumes that `control` answers at once; nothing here waits for a backend.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { closeServer } from '../base/close-server.ts';
import type { Clock } from '../base/time.ts';
import { isLoopback } from '../config/addresses.ts';
import { formatBind } from '../model/bind-address.ts';
import { StartError } from '../model/errors.ts';
import type { ListenSocket } from '../model/listen-socket.ts';
import type { Log } from '../model/log.ts';
import type { AdminControl } from '../model/report.ts';
import type { AdminSettings, BindAddress } from '../model/settings.ts';
import { type Answer, failure, type Streamed, send } from './answer.ts';
import { readDashboard } from './dashboard/assets.ts';
import { EventStreams } from './events.ts';
import { createGuard, type Guard } from './guard.ts';
import { MetricsPages } from './metrics.ts';
import { type Call, matchRoute } from './routes.ts';
import { StateStreams } from './stream.ts';

const MAX_BODY_BYTES = 4_096;
const MAX_CONNECTIONS = 256;

/** How long answers under way at `close` may take to be read. */
const CLOSE_GRACE_MS = 500;

const SERVER_OPTIONS = {
  maxHeaderSize: 16_384,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  // The guard answers a missing Host in the API's own form.
  requireHostHeader: false,
} as const;

/** A socket on which nothing moves either way, such as that of a client which does not read. */
const SOCKET_IDLE_MS = 20_000;

export interface AdminServer {
  /** Where it really listens, after port 0 has become a number. */
  readonly address: BindAddress;
  readonly socket: ListenSocket;
  /** Token and allowed hosts are these from the next request on; the address stays. */
  configure(settings: AdminSettings): void;
  /** Stops listening, ends event streams, gives open answers half a second, then closes every connection. */
  close(): Promise<void>;
}

export interface AdminOptions {
  readonly settings: AdminSettings;
  /** Bound to the settings' address; closed with the server. */
  readonly socket: ListenSocket;
  readonly control: AdminControl;
  readonly clock: Clock;
  readonly log: Log;
}

/** Throws StartError when the address is reachable from outside without a token. */
export function checkExposure({ bind, token }: Pick<AdminSettings, 'bind' | 'token'>): void {
  if (token !== null || isLoopback(bind)) return;
  throw new StartError(
    `Cannot serve the admin API on ${formatBind(bind)}: without \`admin.token\` it must be loopback.`,
  );
}

/** Rejects with StartError when somebody else listens there. Assumes that the address may be exposed. */
export async function startAdmin({ settings, socket, control, clock, log }: AdminOptions): Promise<AdminServer> {
  let guard = createGuard(settings);
  const events = new EventStreams(control.events, clock);
  const states = new StateStreams(control, clock);
  const dashboard = readDashboard();
  const metrics = new MetricsPages(() => control.metrics());
  const server = createServer(SERVER_OPTIONS, (request, response) => {
    void serve(request, response, { guard, control, events, states, dashboard, metrics, log });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(SOCKET_IDLE_MS);
  server.on('clientError', refuseUnparsed);
  server.on('checkExpectation', (_, response) => {
    send(response, failure(417, 'expectation_failed', 'no expectation but 100-continue is met'));
  });
  await socket.listen(server);
  server.on('error', (error) => log.error({ err: error }, 'the admin server failed to accept a connection'));
  return {
    address: socket.address,
    socket,
    configure: (changed) => {
      guard = createGuard(changed);
    },
    close: () => {
      events.close();
      states.close();
      const closed = closeServer(server, CLOSE_GRACE_MS, clock);
      socket.close();
      return closed;
    },
  };
}

interface Service extends Pick<Call, 'control' | 'events' | 'states' | 'dashboard' | 'metrics'> {
  readonly guard: Guard;
  readonly log: Log;
}

async function serve(request: IncomingMessage, response: ServerResponse, service: Service): Promise<void> {
  const by = peerOf(request.socket);
  let answer: Answer | Streamed;
  try {
    answer = await answerTo(request, by, service);
  } catch (error) {
    if (request.errored !== null) return; // the client left; there is nobody to answer
    service.log.error({ err: error, by }, 'an admin request failed');
    answer = failure(500, 'internal_error', 'the request failed; the log has the cause');
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') audit(service.log, request, by, answer);
  send(response, answer);
}

async function answerTo(
  request: IncomingMessage,
  by: string,
  { guard, control, events, states, dashboard, metrics }: Service,
): Promise<Answer | Streamed> {
  const refusal = guard.checkOrigin(request);
  if (refusal !== null) return refusal;
  const target = request.url ?? '';
  const match = matchRoute(request.method ?? '', target);
  if (!('route' in match)) return match;
  const { access, handle } = match.route;
  const denial = guard.checkAccess(request, access);
  if (denial !== null) return denial;
  const call = {
    control,
    events,
    states,
    dashboard,
    metrics,
    params: match.params,
    query: new URLSearchParams(target.split('?')[1]),
    lastEventId: request.headersDistinct['last-event-id']?.[0],
    by,
  };
  if (access !== 'change') return handle({ ...call, body: undefined });
  const bytes = await readBody(request);
  if (bytes === null) return failure(413, 'body_too_large', `a body may have at most ${MAX_BODY_BYTES} bytes`);
  let body: unknown;
  try {
    body = bytes.length === 0 ? undefined : JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return failure(400, 'bad_json', 'the body is not valid JSON');
  }
  return handle({ ...call, body });
}

/** The whole body, or null when it is too long. Throws when the client leaves first. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Every change, done or refused, is one line: who, what, and how it went. */
function audit(log: Log, { method, url }: IncomingMessage, by: string, { status }: Answer | Streamed): void {
  const fields = { audit: true, by, method, path: url, status };
  if (status === 200) log.info(fields, `admin change by ${by}`);
  else log.warn(fields, `admin change by ${by} refused`);
}

/** What node:http could not read as a request: answered in the API's form, then closed. */
function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const [status, phrase, code] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'Request Header Fields Too Large', 'headers_too_large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout', 'request_timeout']
        : [400, 'Bad Request', 'bad_request'];
  const body = JSON.stringify({ error: code, message: 'the request could not be read' });
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
}

function peerOf(socket: Socket): string {
  return socket.remoteAddress === undefined ? 'a local socket' : `${socket.remoteAddress}:${socket.remotePort}`;
}
