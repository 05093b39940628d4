/**
 * The shell around the gate: one small HTTP server of its own, beside the request path, and the UDP socket if asked for.
 * It bounds what a sender can hold (time, connections, bytes) before anybody knows who it is.
 */

import type { Socket } from 'node:dgram';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer } from '../base/close-server.ts';
import type { Clock } from '../base/time.ts';
import { StartError } from '../model/errors.ts';
import type { HeartbeatTarget } from '../model/heartbeat.ts';
import type { ListenSocket } from '../model/listen-socket.ts';
import type { Log } from '../model/log.ts';
import type { BindAddress, HeartbeatKey, HeartbeatReceiverSettings } from '../model/settings.ts';
import {
  HeartbeatGate,
  MAX_BATCH_BYTES,
  MAX_HEARTBEAT_BYTES,
  type Refusal,
  refuse,
  type TargetName,
} from './heartbeat-gate.ts';
import { HeartbeatKeyRing } from './heartbeat-keys.ts';
import { admissionJson, refusalOf } from './heartbeat-reply.ts';
import { HeartbeatSenders } from './heartbeat-senders.ts';
import { bindHeartbeatUdp, type HeartbeatUdp, type UdpAddress, useHeartbeatUdp } from './heartbeat-udp.ts';

const BATCH_PATH = '/v1/heartbeats';
const MAX_CONNECTIONS = 8_192;

/** Bodies being read, of all connections together; they come from strangers until their last byte is here. */
const MAX_BUFFERED_BYTES = 32 * MAX_BATCH_BYTES;

/** How long answers under way at `close` may take to be read. */
const CLOSE_GRACE_MS = 500;

const SERVER_OPTIONS = {
  maxHeaderSize: 8_192,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  // Senders keep their connection between heartbeats.
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
  noDelay: true,
} as const;

export interface HeartbeatReceiverOptions {
  readonly settings: HeartbeatReceiverSettings;
  /** Bound to the settings' address; closed with the receiver. */
  readonly socket: ListenSocket;
  /** Bound to `settings.udp`; null or absent = it is bound anew. */
  readonly datagrams?: Socket | null;
  /** Null when there is no such upstream. */
  readonly targets: (upstream: string) => HeartbeatTarget | null;
  readonly clock: Clock;
  readonly log: Log;
}

export interface HeartbeatReceiver {
  /** Where it really listens, after port 0 has become a number. */
  readonly address: BindAddress;
  readonly socket: ListenSocket;
  /** null = no UDP. */
  readonly datagrams: Socket | null;
  /** null = no UDP. */
  readonly udpAddress: { readonly host: string; readonly port: number } | null;
  /** Receives on another UDP address, once `useUdp` says so. Rejects with StartError when it cannot be had. */
  bindUdp(address: UdpAddress): Promise<HeartbeatUdp>;
  /** Datagrams come from there only, from now on; null = no UDP. */
  useUdp(udp: HeartbeatUdp | null): void;
  /** Refusals so far that no backend could be blamed for: unsigned batches, unreadable datagrams. */
  unattributed(): number;
  /** From the next message on these keys hold, and no others: a reload that rotates or revokes. */
  replaceKeys(keys: readonly HeartbeatKey[]): void;
  /** Stops listening, gives open answers half a second, then closes every connection. */
  close(): Promise<void>;
}

/** Throws StartError when UDP is asked for without keys. */
export function checkSenders({ keys, udp }: HeartbeatReceiverSettings): void {
  if (keys.length > 0 || udp === null) return;
  throw new StartError('Cannot receive heartbeats over UDP without `heartbeats.keys`: a datagram has no sure sender.');
}

/** Rejects with StartError when an address cannot be had, or UDP is asked for without keys. */
export async function startHeartbeatReceiver(options: HeartbeatReceiverOptions): Promise<HeartbeatReceiver> {
  const { settings, socket, datagrams, targets, clock, log } = options;
  const keyRing = new HeartbeatKeyRing(settings.keys);
  checkSenders(settings);
  const gate = new HeartbeatGate({ keyRing, targets, senders: new HeartbeatSenders(), clock });
  const server = createServer(SERVER_OPTIONS, new Receiver(gate).serve);
  server.maxConnections = MAX_CONNECTIONS;
  const { address } = socket;
  await socket.listen(server);
  server.on('error', (error) => log.error({ err: error }, 'the heartbeat receiver failed to accept a connection'));
  let udp: HeartbeatUdp | null = null;
  try {
    if (settings.udp !== null) {
      udp = datagrams ? useHeartbeatUdp(datagrams, gate, log) : await bindHeartbeatUdp(settings.udp, gate, log);
    }
  } catch (error) {
    socket.close();
    throw error;
  }
  if (keyRing.isEmpty) {
    log.warn(
      { address },
      'heartbeats are not signed: only senders on this machine are accepted; set `heartbeats.keys`',
    );
  }
  return {
    address,
    socket,
    get datagrams() {
      return udp?.socket ?? null;
    },
    get udpAddress() {
      return udp?.address ?? null;
    },
    bindUdp: (asked) => bindHeartbeatUdp(asked, gate, log),
    useUdp: (other) => {
      void udp?.close();
      udp = other;
    },
    unattributed: () => gate.unattributed,
    replaceKeys: (keys) => keyRing.replace(keys),
    close: async () => {
      const closed = closeServer(server, CLOSE_GRACE_MS, clock);
      socket.close();
      await Promise.all([closed, udp?.close()]);
    },
  };
}

class Receiver {
  private readonly gate: HeartbeatGate;
  private bufferedBytes = 0;

  constructor(gate: HeartbeatGate) {
    this.gate = gate;
  }

  readonly serve = (request: IncomingMessage, response: ServerResponse): void => {
    const { url = '', method, headers } = request;
    const target = url === BATCH_PATH ? null : targetOfPath(url);
    if (target === undefined) {
      send(response, 404, refusalOf('not_found', 'heartbeats go to /v1/heartbeats/UPSTREAM/BACKEND'));
    } else if (method !== 'POST') {
      send(response, 405, refusalOf('method_not_allowed', 'heartbeats are sent with POST'));
    } else if (!/^application\/json *(;|$)/i.test(headers['content-type'] ?? '')) {
      this.refuse(response, refuse('bad_heartbeat', 'content-type must be application/json'), target);
    } else {
      this.read(request, response, target);
    }
  };

  private read(request: IncomingMessage, response: ServerResponse, target: TargetName | null): void {
    const maxBytes = target === null ? MAX_BATCH_BYTES : MAX_HEARTBEAT_BYTES;
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
      this.refuse(response, tooLarge(maxBytes), target);
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = () => request.removeAllListeners('data').removeAllListeners('end').resume();
    request.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      this.bufferedBytes += chunk.length;
      if (length > maxBytes) {
        stop();
        this.refuse(response, tooLarge(maxBytes), target);
      } else if (this.bufferedBytes > MAX_BUFFERED_BYTES) {
        stop();
        send(response, 503, refusalOf('overloaded', 'too many heartbeats are being read at once'));
      }
    });
    request.on('end', () => this.answer(request, response, target, chunks));
    request.on('close', () => {
      this.bufferedBytes -= length;
    });
    request.on('error', () => {}); // the sender left; there is nobody to answer
  }

  private answer(
    request: IncomingMessage,
    response: ServerResponse,
    target: TargetName | null,
    chunks: Buffer[],
  ): void {
    const { headers, socket } = request;
    const signature = headers['x-pulsegate-signature'];
    const message = {
      body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
      keyId: typeof headers['x-pulsegate-key'] === 'string' ? headers['x-pulsegate-key'] : '',
      hmac: typeof signature === 'string' && signature.startsWith('sha256=') ? signature.slice(7) : '',
      isLocal: isLocal(socket.remoteAddress),
    };
    if (target === null) {
      const batch = this.gate.admitBatch(message);
      if ('accepted' in batch) send(response, batch.status, admissionJson(batch));
      else send(response, 200, `[${batch.map(admissionJson).join(',')}]`);
      return;
    }
    const admission = this.gate.admit(message, target);
    send(response, admission.accepted ? 200 : admission.status, admissionJson(admission));
  }

  private refuse(response: ServerResponse, refusal: Refusal, target: TargetName | null): void {
    send(response, refusal.status, admissionJson(this.gate.count(refusal, target)));
  }
}

function tooLarge(maxBytes: number): Refusal {
  return refuse('body_too_large', `a body may have at most ${maxBytes} bytes here`);
}

/** `/v1/heartbeats/{upstream}/{backend}`, each percent-encoded; undefined when it is any other path. */
function targetOfPath(path: string): TargetName | undefined {
  const match = /^\/v1\/heartbeats\/([^/?#]+)\/([^/?#]+)$/.exec(path);
  if (match === null) return undefined;
  try {
    return { upstream: decodeURIComponent(match[1] as string), backend: decodeURIComponent(match[2] as string) };
  } catch {
    return undefined;
  }
}

/** A unix socket's peer has no address. */
function isLocal(address: string | undefined): boolean {
  return address === undefined || address === '::1' || /^(::ffff:)?127\./.test(address);
}

/** A body that was not read to its end must not be taken for the next request: such a connection is closed. */
function send(response: ServerResponse, status: number, body: string): void {
  const headers = ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))];
  if (!response.req.complete) headers.push('connection', 'close');
  response.writeHead(status, headers);
  response.end(body);
}
