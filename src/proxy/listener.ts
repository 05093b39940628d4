/**
 * One data listener: accepts connections, bounds their number, and turns the one coarse timer that all time-outs of its
 * connections share. Deadlines are kept within one sweep (100 ms).
 */

import { randomBytes } from 'node:crypto';
import { BlockList, createServer, isIP, type Server, type Socket } from 'node:net';
import type { Clock, Timer } from '../base/time.ts';
import type { HeadLimits, RequestHead } from '../http1/request-head.ts';
import { boundAddress, listenOptions } from '../model/bind-address.ts';
import { StartError } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import type { BindAddress, ListenerSettings } from '../model/settings.ts';
import type { AccessLog } from './access-log.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConnectionContext, SweptConnection } from './client-side.ts';
import type { Forwarder } from './forwarder.ts';
import type { Peer } from './heads.ts';
import type { Match, Router } from './router.ts';

const SWEEP_MS = 100;
const BACKLOG = 4_096;

/** A shortage of descriptors is complained of at most this often. */
const COMPLAINT_MS = 10_000;

export interface ListenerOptions {
  readonly settings: ListenerSettings;
  readonly router: Router<Forwarder>;
  readonly clock: Clock;
  readonly via: string;
  /** null = no access log. */
  readonly accessLog: AccessLog | null;
  readonly log: Log;
}

export class Listener implements ConnectionContext {
  readonly settings: ListenerSettings;
  readonly headLimits: HeadLimits;
  readonly accessLog: AccessLog | null;
  readonly clock: Clock;
  readonly via: string;
  readonly bodyBytes: number | null;
  draining = false;
  private readonly router: Router<Forwarder>;
  private readonly log: Log;
  private lastComplaintMs = Number.NEGATIVE_INFINITY;
  private readonly trusted: BlockList;
  private readonly servers: Server[] = [];
  private readonly connections = new Set<SweptConnection>();
  private sweepTimer: Timer | null = null;
  private dateText = '';
  private dateSecond = -1;
  private readonly idPrefix = randomBytes(9).toString('base64url');
  private idCount = 0;
  private onEmpty: (() => void) | null = null;

  constructor({ settings, router, clock, via, accessLog, log }: ListenerOptions) {
    this.settings = settings;
    this.headLimits = { ...settings.limits, underscoreHeaders: settings.underscoreHeaders };
    this.accessLog = accessLog;
    this.clock = clock;
    this.via = via;
    this.bodyBytes = settings.limits.bodyBytes;
    this.router = router;
    this.log = log;
    this.trusted = blockListOf(settings.trustedProxies);
  }

  /** Binds every address. Rejects with StartError, in one line, when one cannot be had. */
  async start(): Promise<BindAddress[]> {
    const bound: BindAddress[] = [];
    for (const address of this.settings.bind) bound.push(await this.bind(address));
    this.scheduleSweep();
    return bound;
  }

  /** Stops accepting; open requests finish, and their answers say `connection: close`. Resolves when all are gone. */
  drain(): Promise<void> {
    this.draining = true;
    for (const server of this.servers) server.close();
    for (const connection of this.connections) connection.drain();
    return new Promise((resolve) => {
      this.onEmpty = resolve;
      this.checkEmpty();
    });
  }

  /** Closes everything at once. */
  destroy(): void {
    for (const server of this.servers) server.close();
    for (const connection of this.connections) connection.destroy();
    this.sweepTimer?.cancel();
    this.sweepTimer = null;
  }

  /** Open client connections. */
  get connectionCount(): number {
    return this.connections.size;
  }

  // --- for connections

  route(head: RequestHead): Match<Forwarder> {
    return this.router.match(head.host, head.path, head.hasEncodedDelimiter);
  }

  /** IMF-fixdate (RFC 9110 §5.6.7), made once a second. */
  date(): string {
    const second = Math.floor(this.clock.wall() / 1_000);
    if (second !== this.dateSecond) {
      this.dateSecond = second;
      this.dateText = new Date(second * 1_000).toUTCString();
    }
    return this.dateText;
  }

  nextRequestId(): string {
    return `${this.idPrefix}-${(++this.idCount).toString(36)}`;
  }

  onClosed(connection: SweptConnection): void {
    this.connections.delete(connection);
    this.checkEmpty();
  }

  // --- inside

  private bind(address: BindAddress): Promise<BindAddress> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.accept(socket));
    server.maxConnections = this.settings.limits.connections;
    this.servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(startError(address, error)));
      server.listen({ ...listenOptions(address), backlog: BACKLOG }, () => {
        server.removeAllListeners('error');
        server.on('error', (error: NodeJS.ErrnoException) => this.complain(error));
        resolve(boundAddress(server.address(), address));
      });
    });
  }

  /** Accepting may fail for want of descriptors: a connection is lost, the listener is not. */
  private complain(error: NodeJS.ErrnoException): void {
    const nowMs = this.clock.now();
    if (nowMs - this.lastComplaintMs < COMPLAINT_MS) return;
    this.lastComplaintMs = nowMs;
    this.log.error({ listener: this.settings.name, code: error.code }, 'a connection could not be accepted');
  }

  private accept(socket: Socket): void {
    if (this.connections.size >= this.settings.limits.connections) {
      socket.destroy();
      return;
    }
    this.connections.add(new ClientConnection(socket, this.peerOf(socket), this));
  }

  private peerOf(socket: Socket): Peer {
    const remote = socket.remoteAddress;
    if (remote === undefined) return { address: 'unknown', trusted: false, secure: false };
    const address = remote.startsWith('::ffff:') ? remote.slice(7) : remote;
    return { address, trusted: this.trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'), secure: false };
  }

  private scheduleSweep(): void {
    this.sweepTimer = this.clock.at(this.clock.now() + SWEEP_MS, () => {
      const nowMs = this.clock.now();
      for (const connection of this.connections) connection.sweep(nowMs);
      this.scheduleSweep();
    });
  }

  private checkEmpty(): void {
    if (this.onEmpty === null || this.connections.size > 0) return;
    this.sweepTimer?.cancel();
    this.sweepTimer = null;
    this.onEmpty();
    this.onEmpty = null;
  }
}

function blockListOf(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [network = '', bits] = block.split('/');
    const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(network, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return list;
}

function startError(address: BindAddress, error: NodeJS.ErrnoException): StartError {
  const where = address.kind === 'unix' ? `unix:${address.path}` : `${address.host}:${address.port}`;
  if (error.code === 'EADDRINUSE') {
    return new StartError(
      `Cannot listen on ${where}: it is in use. Stop the other program or choose another \`bind\`.`,
    );
  }
  if (error.code === 'EACCES') {
    return new StartError(`Cannot listen on ${where}: permission denied. Ports below 1024 need privileges.`);
  }
  return new StartError(`Cannot listen on ${where}: ${error.code ?? error.message}.`);
}
