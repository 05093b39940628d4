/**
 * Asks a backend's gRPC health service (grpc.health.v1.Health/Check) and judges its answer. One HTTP/2 session per backend, used
 * by two probes: every other probe connects anew, so that a dead listener is not hidden by a connection that still lives.
 * Never throws: whatever goes wrong is a result. Owns its sockets: none outlives the probes it serves.
 */

import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { formatAuthority } from '../base/authority.ts';
import type { Clock } from '../base/time.ts';
import type { Backend } from '../model/backend.ts';
import type { GrpcProbeSettings } from '../model/probe-settings.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import { type CallResult, callUnary } from './grpc-call.ts';
import { type CheckResponse, decodeCheckResponse, encodeCheckRequest } from './grpc-frame.ts';
import { ProbeRun, USER_AGENT } from './probe-run.ts';
import type { Probe, ProbeDone } from './prober.ts';

const CHECK_PATH = '/grpc.health.v1.Health/Check';
const HEADER_LIMIT_BYTES = 16 * 1_024;

interface Connection {
  readonly session: ClientHttp2Session;
  readonly socket: Socket;
}

export class GrpcProbe implements Probe<GrpcProbeSettings> {
  private readonly clock: Clock;
  private readonly tls: BackendTls | null;
  private readonly connections = new Map<Backend, Connection>();

  /** @param tls for backends that want TLS; null = none of them does */
  constructor(clock: Clock, tls: BackendTls | null = null) {
    this.clock = clock;
    this.tls = tls;
  }

  run(backend: Backend, settings: GrpcProbeSettings, done: ProbeDone): void {
    const run = new ProbeRun(this.clock, settings.timeoutMs, done);
    const kept = this.connections.get(backend);
    if (kept === undefined || kept.session.closed || kept.session.destroyed) this.askAnew(backend, settings, run);
    else this.ask(kept, backend, settings, run, false);
  }

  forget(backend: Backend): void {
    const connection = this.connections.get(backend);
    this.connections.delete(backend);
    connection?.session.destroy();
    // A session that was told to go away would wait for the other side to close.
    connection?.socket.destroy();
  }

  async close(): Promise<void> {
    for (const backend of [...this.connections.keys()]) this.forget(backend);
  }

  private askAnew(backend: Backend, settings: GrpcProbeSettings, run: ProbeRun): void {
    this.forget(backend);
    const connection = open(backend, settings, this.tls);
    this.connections.set(backend, connection);
    this.ask(connection, backend, settings, run, true);
  }

  private ask(
    connection: Connection,
    backend: Backend,
    settings: GrpcProbeSettings,
    run: ProbeRun,
    isFresh: boolean,
  ): void {
    const isCurrent = () => this.connections.get(backend) === connection;
    run.onEnd((ok) => {
      if (isCurrent() && !(ok && isFresh)) this.forget(backend);
    });
    const request = {
      scheme: backend.tls ? ('https' as const) : ('http' as const),
      authority: settings.host ?? formatAuthority(backend.host, backend.port),
      path: CHECK_PATH,
      userAgent: USER_AGENT,
      message: encodeCheckRequest(settings.service),
      explain: (error: NodeJS.ErrnoException) =>
        backend.tls && this.tls !== null ? this.tls.explain(error, backend) : error,
    };
    callUnary(connection.session, request, (result) => {
      // A session that was kept may end at the very moment it is used; that says nothing, so ask again.
      const saysNothing = result.kind === 'broken' && !isFresh && isCurrent() && !run.isOver;
      if (saysNothing) this.askAnew(backend, settings, run);
      else conclude(result, run);
    });
  }
}

function conclude(result: CallResult, run: ProbeRun): void {
  if (result.kind === 'broken') run.fail(result.detail, result.refused);
  else if (result.kind === 'failed') run.fail(result.detail);
  else judge(decodeCheckResponse(result.message), run);
}

function judge(response: CheckResponse, run: ProbeRun): void {
  if ('problem' in response) run.fail(response.problem);
  else if (response.servingStatus === 'SERVING') run.pass('SERVING');
  else run.fail(response.servingStatus);
}

function open(backend: Backend, settings: GrpcProbeSettings, tls: BackendTls | null): Connection {
  const port = settings.port ?? backend.port;
  const socket =
    backend.tls && tls !== null
      ? tls.connect(backend, { protocol: 'h2', port, isFresh: true, onSecure: () => {} })
      : connectTcp({ host: backend.host, port });
  const session = connectHttp2(`${backend.tls ? 'https' : 'http'}://${formatAuthority(backend.host, port)}`, {
    createConnection: () => socket,
    settings: { enablePush: false, maxHeaderListSize: HEADER_LIMIT_BYTES },
    maxSessionMemory: 1,
  });
  // Every error reaches the call as well; an idle session that fails is found destroyed by the next probe.
  session.on('error', () => {});
  socket.on('error', () => {});
  return { session, socket };
}
