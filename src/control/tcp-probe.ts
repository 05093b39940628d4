/**
 * Asks a backend whether it takes connections and, when told to, whether it says the right thing; over TLS where the backend
 * wants it, for there only a finished handshake is a connection. Every probe connects anew.
 * A kernel accepts connections for a process that hangs, so without an expected text a pass says little.
 * Never throws: whatever goes wrong is a result.
 */

import { connect, type Socket } from 'node:net';
import type { Clock } from '../base/time.ts';
import type { Backend } from '../model/backend.ts';
import type { TcpProbeSettings } from '../model/probe-settings.ts';
import type { BackendTls } from '../tls/backend-tls.ts';
import { ANSWER_LIMIT_BYTES, describeSocketError, isRefused, ProbeRun } from './probe-run.ts';
import type { Probe, ProbeDone } from './prober.ts';

export class TcpProbe implements Probe<TcpProbeSettings> {
  private readonly clock: Clock;
  private readonly tls: BackendTls | null;
  private readonly sockets = new Map<Backend, Socket>();

  /** @param tls for backends that want TLS; null = none of them does */
  constructor(clock: Clock, tls: BackendTls | null = null) {
    this.clock = clock;
    this.tls = tls;
  }

  run(backend: Backend, settings: TcpProbeSettings, done: ProbeDone): void {
    const run = new ProbeRun(this.clock, settings.timeoutMs, done);
    run.awaited = 'no connection';
    const begin = () => converse(socket, settings, run);
    const socket = this.connect(backend, settings.port, begin);
    this.sockets.set(backend, socket);
    run.onEnd(() => {
      if (this.sockets.get(backend) === socket) this.sockets.delete(backend);
      socket.destroy();
    });
    socket.on('error', (error) => {
      const explained = backend.tls ? (this.tls?.explain(error, backend) ?? error) : error;
      run.fail(describeSocketError(explained), isRefused(error));
    });
    socket.on('close', () => run.fail('connection closed'));
  }

  forget(backend: Backend): void {
    this.sockets.get(backend)?.destroy();
    this.sockets.delete(backend);
  }

  async close(): Promise<void> {
    for (const backend of [...this.sockets.keys()]) this.forget(backend);
  }

  private connect(backend: Backend, port: number | null, onConnected: () => void): Socket {
    if (backend.tls && this.tls !== null) {
      return this.tls.connect(backend, { protocol: null, port, isFresh: true, onSecure: onConnected });
    }
    return connect({ host: backend.host, port: port ?? backend.port }, onConnected);
  }
}

function converse(socket: Socket, { send, expect, isSecret = false }: TcpProbeSettings, run: ProbeRun): void {
  if (expect === null) {
    if (send === null) run.pass('connected');
    else socket.end(send, () => run.pass('connected and sent'));
    return;
  }
  if (send !== null) socket.write(send);
  const shown = isSecret ? 'the expected text' : JSON.stringify(expect);
  run.awaited = `connected, but no ${shown}`;
  const wanted = Buffer.from(expect);
  let receivedBytes = 0;
  // What may be the beginning of the text.
  let tail = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    const fresh = chunk.subarray(0, ANSWER_LIMIT_BYTES - receivedBytes);
    receivedBytes += fresh.length;
    const window = Buffer.concat([tail, fresh]);
    if (window.includes(wanted)) run.pass(`received ${shown}`);
    else if (receivedBytes === ANSWER_LIMIT_BYTES) run.fail(`the first 64 KiB lack ${shown}`);
    else tail = window.subarray(Math.max(0, window.length - wanted.length + 1));
  });
  socket.on('end', () => run.fail(`closed without ${shown}`));
}
