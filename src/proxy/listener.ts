/**
 * One data listener: takes the connections of its addresses, bounds their number (handshakes under way included), and turns the one
 * coarse timer that all time-outs of its connections share. Deadlines are kept within one sweep (100 ms).
 *
 *   serving ──► draining (no new connections; those there are finish) ──► empty        any ──► destroyed
 *
 * A reload configures it in place: connections stay, and their next request is routed and judged by the new settings. What a
 * connection has gone through before its first request (PROXY header, TLS, which protocol) cannot change: see `isSameKind`.
 * Long because all that its connections ask of it meets here; each method is a few lines.
 */

import { randomBytes } from 'node:crypto';
import { BlockList, isIP, type Socket } from 'node:net';
import type { Clock, Timer } from '../base/time.ts';
import type { HeadLimits, RequestHead } from '../http1/request-head.ts';
import type { ListenerCounters } from '../metrics/data-plane-counters.ts';
import type { Log } from '../model/log.ts';
import type { BindAddress, ListenerSettings } from '../model/settings.ts';
import type { ListenerTls } from '../tls/listener-tls.ts';
import { Arrival, type ArrivalContext } from './accept-stage.ts';
import type { AccessLog, LoggedConnection, LoggedRequest } from './access-log.ts';
import type { Answer } from './answers.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConnectionContext, SweptConnection } from './client-side.ts';
import type { Forwarder } from './forwarder.ts';
import { Grace } from './grace.ts';
import type { Peer } from './heads.ts';
import { ALWAYS_SERVED, PRESSURE, type Pressure } from './memory-pressure.ts';
import type { Match, Router } from './router.ts';
import { TcpConnection } from './tcp-connection.ts';

const SWEEP_MS = 100;

/** Whoever connects to a unix socket: file permissions say who may, so PROXY headers are taken from all of them. */
const UNIX_PEER = 'unknown';

/** The same kind of trouble is complained of at most this often. */
const COMPLAINT_MS = 10_000;

/** Serves HTTP/2 on a connection of which not a byte was consumed. */
export type CreateHttp2 = (socket: Socket, peer: Peer, context: ConnectionContext) => SweptConnection;

/** What a reload may change. */
export interface ListenerConfiguration {
  readonly settings: ListenerSettings;
  readonly router: Router<Forwarder>;
  readonly via: string;
  /** null = no access log. */
  readonly accessLog: AccessLog | null;
  /** Started; null = cleartext. */
  readonly tls: ListenerTls | null;
}

export interface ListenerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: ListenerCounters;
  /** null = HTTP/2 is not spoken, whatever the settings say. */
  readonly createHttp2: CreateHttp2 | null;
}

export class Listener implements ConnectionContext, ArrivalContext {
  settings: ListenerSettings;
  headLimits: HeadLimits;
  readonly counters: ListenerCounters;
  readonly clock: Clock;
  via: string;
  bodyBytes: number | null;
  endsConnections = false;
  pressure: Pressure = PRESSURE.none;
  drainUntilMs = Infinity;
  /** null = cleartext. */
  tls: ListenerTls | null;
  sniffsHttp2 = false;
  /** Where all connections go when no HTTP is spoken; null = it is. */
  private tcpDestination: Forwarder | null = null;
  private readonly createHttp2: CreateHttp2 | null;
  private router: Router<Forwarder>;
  private draining = false;
  private accessLog: AccessLog | null;
  private readonly log: Log;
  private lastComplaintMs = Number.NEGATIVE_INFINITY;
  private trusted: BlockList;
  private readonly connections = new Set<SweptConnection>();
  private sweepTimer: Timer | null = null;
  private sweepDueMs = 0;
  private readonly grace = new Grace();
  private dateText = '';
  private dateSecond = -1;
  private readonly idPrefix = randomBytes(9).toString('base64url');
  private idCount = 0;
  private onEmpty: (() => void) | null = null;

  constructor(configuration: ListenerConfiguration, { clock, log, counters, createHttp2 }: ListenerOptions) {
    const { settings, router, via, accessLog, tls } = configuration;
    this.settings = settings;
    this.headLimits = headLimitsOf(settings);
    this.accessLog = accessLog;
    this.counters = counters;
    this.clock = clock;
    this.via = via;
    this.bodyBytes = settings.limits.bodyBytes;
    this.router = router;
    this.log = log;
    this.trusted = blockListOf(settings.trustedProxies);
    this.createHttp2 = createHttp2;
    this.tls = tls;
    this.choosePath();
    this.scheduleSweep();
  }

  /** Other settings of the same kind, for all that begins from now on: heads, requests, handshakes, connections. */
  configure({ settings, router, via, accessLog, tls }: ListenerConfiguration): void {
    this.settings = settings;
    this.headLimits = headLimitsOf(settings);
    this.accessLog = accessLog;
    this.via = via;
    this.bodyBytes = settings.limits.bodyBytes;
    this.router = router;
    this.trusted = blockListOf(settings.trustedProxies);
    if (this.tls !== tls) this.tls?.retire();
    this.tls = tls;
    this.choosePath();
  }

  /** Only where requests go changes: for one that drains while another has taken its place. */
  reroute(router: Router<Forwarder>): void {
    this.router = router;
    this.choosePath();
  }

  /**
   * Open requests finish, and their answers say `connection: close`. Resolves when all connections are gone. The caller has closed
   * the addresses, or given them to another listener.
   * @param untilMs when the caller will destroy what is left: tunnels, which know no end of their own, are closed before
   */
  drain(untilMs: number): Promise<void> {
    this.draining = true;
    this.drainUntilMs = untilMs;
    this.endConnections();
    return new Promise((resolve) => {
      this.onEmpty = resolve;
      this.checkEmpty();
    });
  }

  /** Memory is short, or no longer. */
  press(pressure: Pressure): void {
    this.pressure = pressure;
    const isShort = pressure >= PRESSURE.connectionsEnd;
    if (isShort && !this.endsConnections) this.endConnections();
    this.endsConnections = isShort || this.draining;
  }

  /** Closes everything at once. */
  destroy(): void {
    for (const connection of this.connections) connection.destroy();
    this.tls?.close();
    this.sweepTimer?.cancel();
    this.sweepTimer = null;
  }

  // --- from its addresses

  /** A connection has come to one of its addresses. */
  accept(socket: Socket, kind: BindAddress['kind']): void {
    const { limits, proxyProtocol } = this.settings;
    const address = kind === 'unix' ? UNIX_PEER : addressOf(socket);
    this.counters.accepted++;
    // A client without an address has left already: bytes of its might still be there, but nobody knows whose they are.
    if (address === null) {
      socket.destroy();
    } else if (this.connections.size >= limits.connections || this.isPressed) {
      this.counters.refused++;
      socket.destroy();
    } else if (this.tls === null && !proxyProtocol && !this.sniffsHttp2) {
      const peer = { address, trusted: this.isTrusted(address), secure: false };
      this.connections.add(this.serve(socket, peer));
    } else if (proxyProtocol && address !== UNIX_PEER && !this.isTrusted(address)) {
      this.complainOf(address, 'a PROXY header is taken from trusted_proxies only, and it is none of them');
      this.counters.refused++;
      socket.destroy();
    } else {
      const arrival = new Arrival(socket, address, this);
      this.connections.add(arrival);
      arrival.start();
    }
  }

  /** There were too many for the system to hand this one over. */
  drop(): void {
    this.counters.accepted++;
    this.counters.refused++;
  }

  /** Accepting may fail for want of descriptors: a connection is lost, the listener is not. */
  complain(error: NodeJS.ErrnoException): void {
    if (!this.mayComplain()) return;
    this.log.error({ listener: this.settings.name, code: error.code }, 'a connection could not be accepted');
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

  record(request: LoggedRequest, peer: Peer, bytes: number, whole: boolean): number {
    const nowMs = this.clock.now();
    const durationMs = nowMs - request.startedMs;
    this.counters.countRequest(request.forwarder?.counters ?? null, request.status, durationMs);
    this.accessLog?.record(request, peer, bytes, whole, durationMs);
    return nowMs;
  }

  recordTunnel(connection: LoggedConnection, peer: Peer, bytes: number, whole: boolean, detail: string): void {
    this.counters.countTunnel(connection.forwarder.counters, whole);
    const durationMs = this.clock.now() - connection.startedMs;
    this.accessLog?.recordConnection(connection, peer, bytes, { whole, detail, durationMs });
  }

  recordRefusal(peer: Peer, answer: Answer, requestId: string, detail: string): void {
    this.counters.countRequest(null, answer.status, 0);
    this.accessLog?.recordRefusal(peer, answer, requestId, detail);
  }

  onClosed(connection: SweptConnection): void {
    this.connections.delete(connection);
    this.checkEmpty();
  }

  // --- for arrivals

  isTrusted(address: string): boolean {
    return address !== UNIX_PEER && this.trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }

  complainOf(address: string, sentence: string): void {
    if (!this.mayComplain()) return;
    this.log.warn({ listener: this.settings.name, client: address }, `a connection was closed: ${sentence}`);
  }

  onArrived(arrival: Arrival, socket: Socket, peer: Peer, isHttp2: boolean): void {
    this.connections.delete(arrival);
    const connection = isHttp2 ? (this.createHttp2 as CreateHttp2)(socket, peer, this) : this.serve(socket, peer);
    this.connections.add(connection);
    // One for tcp reads when its backend is there.
    if (connection instanceof ClientConnection) socket.resume();
    if (this.endsConnections) connection.drain();
  }

  // --- inside

  private endConnections(): void {
    this.endsConnections = true;
    for (const connection of this.connections) connection.drain();
  }

  /** Memory is too short for another connection, which is a request where no HTTP is spoken. */
  private get isPressed(): boolean {
    const bearable = this.tcpDestination === null ? PRESSURE.noRequests : PRESSURE.connectionsEnd;
    return this.pressure > bearable && this.connections.size >= ALWAYS_SERVED;
  }

  private choosePath(): void {
    const { settings, router } = this;
    this.tcpDestination = settings.protocol === 'tcp' ? router.first : null;
    this.sniffsHttp2 = settings.protocol === 'http' && this.createHttp2 !== null && settings.cleartextHttp2;
  }

  private serve(socket: Socket, peer: Peer): SweptConnection {
    const { tcpDestination } = this;
    if (tcpDestination === null) return new ClientConnection(socket, peer, this);
    return new TcpConnection(socket, peer, this, tcpDestination);
  }

  private mayComplain(): boolean {
    const nowMs = this.clock.now();
    if (nowMs - this.lastComplaintMs < COMPLAINT_MS) return false;
    this.lastComplaintMs = nowMs;
    return true;
  }

  private scheduleSweep(): void {
    this.sweepDueMs = this.clock.now() + SWEEP_MS;
    this.sweepTimer = this.clock.at(this.sweepDueMs, () => setImmediate(this.sweep));
  }

  /** After everything that was readable has been read: what came while we stood still came in time. */
  private readonly sweep = (): void => {
    if (this.sweepTimer === null) return;
    const nowMs = this.clock.now();
    if (this.grace.isOver(nowMs, nowMs - this.sweepDueMs)) {
      for (const connection of this.connections) connection.sweep(nowMs);
    }
    this.scheduleSweep();
  };

  private checkEmpty(): void {
    if (this.onEmpty === null || this.connections.size > 0) return;
    this.sweepTimer?.cancel();
    this.sweepTimer = null;
    this.onEmpty();
    this.onEmpty = null;
  }
}

/** Without a port. Addresses of IPv4 are written as such on a socket of both families, too. */
function addressOf({ remoteAddress: remote }: Socket): string | null {
  if (remote === undefined) return null;
  return remote.startsWith('::ffff:') ? remote.slice(7) : remote;
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

function headLimitsOf({ limits, underscoreHeaders }: ListenerSettings): HeadLimits {
  return { ...limits, underscoreHeaders };
}

/** Whether connections that were accepted by one are as good as those accepted by the other. */
export function isSameKind(one: ListenerSettings, other: ListenerSettings): boolean {
  if (one.protocol !== other.protocol || one.proxyProtocol !== other.proxyProtocol) return false;
  return (one.tls === null) === (other.tls === null);
}

/** What a listener offers by ALPN, the best first; none where no HTTP is spoken. */
export function alpnOf({ protocol, http2 }: ListenerSettings): readonly string[] {
  if (protocol === 'tcp') return [];
  return http2 ? ['h2', 'http/1.1'] : ['http/1.1'];
}
