/**
 * Asks a backend whether it takes connections and, when told to, whether it says the right thing. Every probe connects anew.
 * A kernel accepts connections for a process that hangs, so without an expected text a pass says little.
 * Never throws: whatever goes wrong is a result.
 */

import { connect, type Socket } from 'node:net';
import type { Clock } from '../base/time.ts';
import type { Backend } from '../model/backend.ts';
import type { TcpProbeSettings } from '../model/probe-settings.ts';
import type { Probe, ProbeDone } from './prober.ts';
import { ANSWER_LIMIT_BYTES, describeSocketError, isRefused, ProbeRun } from './probe-run.ts';

export class TcpProbe implements Probe<TcpProbeSettings> {
  private readonly clock: Clock;
  private readonly sockets = new Map<Backend, Socket>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  run(backend: Backend, settings: TcpProbeSettings, done: ProbeDone): void {
    const run = new ProbeRun(this.clock, settings.timeoutMs, done);
    run.awaited = 'no connection';
    const socket = connect({ host: backend.host, port: settings.port ?? backend.port });
    this.sockets.set(backend, socket);
    run.onEnd(() => {
      if (this.sockets.get(backend) === socket) this.sockets.delete(backend);
      socket.destroy();
    });
    socket.on('error', (error) => run.fail(describeSocketError(error), isRefused(error)));
    socket.on('close', () => run.fail('connection closed'));
    socket.on('connect', () => converse(socket, settings, run));
  }

  forget(backend: Backend): void {
    this.sockets.get(backend)?.destroy();
    this.sockets.delete(backend);
  }

  async close(): Promise<void> {
    for (const backend of [...this.sockets.keys()]) this.forget(backend);
  }
}

function converse(socket: Socket, { send, expect }: TcpProbeSettings, run: ProbeRun): void {
  if (expect === null) {
    if (send === null) run.pass('connected');
    else socket.end(send, () => run.pass('connected and sent'));
    return;
  }
  if (send !== null) socket.write(send);
  const shown = JSON.stringify(expect);
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
