/**
 * The configuration as the program uses it: every value present, durations in milliseconds, sizes in bytes, shares as
 * ratios. config/ makes these from YAML; nothing here knows about files. null means off or unlimited, as each field says.
 * Long because it is the whole configuration; each type is a list of fields.
 */

import type { BackendSpec } from './backend.ts';
import type { HookSettings } from './hook.ts';
import type { LoadSource } from './load.ts';
import type { ProbeSettings } from './probe-settings.ts';

export interface OutlierSettings {
  /** Failures in a row that eject; >= 1. */
  readonly consecutive: number;
  /** Length of the sliding window of outcomes. */
  readonly windowMs: number;
  /** Requests in the window below which it is not compared with others'; >= 1. */
  readonly minRequests: number;
  /** Share of failures in the window from which on, and from twice the peers' median, a backend is ejected; 0 to 1. */
  readonly failureRate: number;
  /** Median latency of the window in multiples of the peers', from which on a backend is slow; > 1, null = not judged. */
  readonly latencyFactor: number | null;
  /** First ejection; doubled for each repeat. */
  readonly ejectionMs: number;
  readonly ejectionMaxMs: number;
  /** Nothing is held against a backend; what would have been is counted. */
  readonly dryRun: boolean;
}

export interface HeartbeatSettings {
  /** What senders are asked for. */
  readonly intervalMs: number;
  /** No heartbeat for this long: lost. */
  readonly leaseMs: number;
  /** Phi-accrual suspicion from which the weight is lowered, before the lease ends. */
  readonly suspectPhi: number;
  /** A backend that never sent one is not up. */
  readonly required: boolean;
}

/** A secret that senders sign with. */
export interface HeartbeatKey {
  readonly id: string;
  readonly secret: string;
  /** Upstreams it is valid for. */
  readonly upstreams: readonly string[];
}

export interface HeartbeatReceiverSettings {
  readonly bind: BindAddress;
  /** Where signed datagrams are received; null = off. */
  readonly udp: { readonly host: string; readonly port: number } | null;
  /** Empty: unsigned heartbeats from loopback senders only. */
  readonly keys: readonly HeartbeatKey[];
}

export interface LoadSettings {
  readonly sources: readonly LoadSource[];
  /** Names tried in order; `named_metrics.x` allowed. */
  readonly utilization: readonly string[];
  readonly blackoutMs: number;
  readonly expiryMs: number;
  readonly errorPenalty: number;
  /** A report moves a weight at most this many times up or down against the pool's median; > 1. */
  readonly maxRatio: number;
}

export interface SlowStartSettings {
  readonly windowMs: number;
  /** Share of its weight that a backend begins with, above 0 and up to 1. */
  readonly minWeight: number;
  /** > 0; 1 is linear, above it more weight comes early. */
  readonly aggression: number;
}

export interface BudgetSettings {
  /** Share of the eligible backends that soft evidence of all sources together may remove, 0 to 1. */
  readonly maxRemoved: number;
  /** Backends that soft evidence must leave; >= 0. */
  readonly minAvailable: number;
}

export interface PanicSettings {
  /** Share of the eligible backends below which panic rules serve; 0 = never. */
  readonly threshold: number;
  readonly mode: 'least_bad' | 'all' | 'fail';
}

/** `last`: as remembered over the restart, else as `probe`. */
export type InitialState = 'probe' | 'up' | 'down' | 'last';

export interface HealthSettings {
  readonly initialState: InitialState;
  /** null = no probing. */
  readonly probe: ProbeSettings | null;
  /** null = traffic is not judged. */
  readonly outliers: OutlierSettings | null;
  /** null = no heartbeats are received. */
  readonly heartbeat: HeartbeatSettings | null;
  /** null = load reports are not read. */
  readonly load: LoadSettings | null;
  /** null = whole weight at once. */
  readonly slowStart: SlowStartSettings | null;
  readonly budget: BudgetSettings;
  readonly panic: PanicSettings;
}

export type Policy =
  | 'round_robin'
  | 'weighted_round_robin'
  | 'least_request'
  | 'peak_ewma'
  | 'prequal'
  | 'random'
  | 'ring_hash'
  | 'maglev'
  | 'first';

/** What of a request is hashed for `ring_hash` and `maglev`. A request without it is spread at random. */
export type HashSource =
  | { readonly kind: 'header' | 'cookie'; readonly name: string }
  | { readonly kind: 'client_ip' | 'path' };

/** Clients stay with the backend that their cookie names, as long as it serves. */
export interface StickySettings {
  /** Name of the cookie. */
  readonly cookie: string;
  readonly ttlMs: number;
  /** What the cookie is signed with; null = a key derived from the upstream's name. */
  readonly secret: string | null;
}

/** Backends in our own zone come first, as far as their capacity goes. */
export interface ZoneSettings {
  /** The label that names a backend's zone. */
  readonly label: string;
  /** Our own zone: the label's value. */
  readonly local: string;
}

/** A limit on requests in flight to one backend that follows its latency (gradient). */
export interface AdaptiveLimitSettings {
  readonly min: number;
  readonly max: number;
}

export interface RetrySettings {
  /** Tries in addition to the first; 0 = none. */
  readonly attempts: number;
  readonly on: readonly RetryCause[];
  /** Methods that may be sent again although the backend may have acted on them: the idempotent ones, all, or a list. */
  readonly methods: 'idempotent' | 'all' | readonly string[];
  /** From the start of one try to its answer's head; null = only the ordinary time-outs. */
  readonly perTryTimeoutMs: number | null;
  /** Retries may be this share of the requests of the last ten seconds, ... */
  readonly budget: number;
  /** ... and this many per second besides. */
  readonly minPerSecond: number;
  /** A request body up to this size can be sent again. */
  readonly bufferBytes: number;
  /**
   * A repeatable request that waits for its answer's head for this long, and for three times as long as 99 in 100, is sent to another
   * backend as well; null = never.
   */
  readonly rescueMs: number | null;
  /** From the beginning of an outage (no backend takes a connection) requests wait for its end for so long; null = they fail at once. */
  readonly outageMs: number | null;
  /** null = no hedging. */
  readonly hedge: HedgeSettings | null;
}

/** A second try of a slow request at another backend while the first is still under way; the first answer wins. */
export interface HedgeSettings {
  /** When: after so long, or after this quantile of the upstream's recent times to the answer's head. */
  readonly after:
    | { readonly kind: 'fixed'; readonly ms: number }
    | { readonly kind: 'quantile'; readonly share: number };
  /** Hedges may be this share of the requests of the last ten seconds. */
  readonly budget: number;
}

export type RetryCause = 'connect_failure' | 'reset' | 'timeout' | 500 | 502 | 503 | 504;

export interface UpstreamTimeouts {
  readonly connectMs: number;
  /** From the whole request written (or its first byte, for a streamed body) to the answer's head. */
  readonly responseHeaderMs: number;
  /** Between two bytes of a body, either way. */
  readonly idleMs: number;
  /** The whole request; null = unlimited. Tunnels are exempt. */
  readonly requestMs: number | null;
  /** Between two bytes through a tunnel (WebSocket, tcp), either way. */
  readonly tunnelIdleMs: number;
  /** The whole life of a tunnel; null = unlimited. */
  readonly tunnelMs: number | null;
}

export interface UpstreamLimits {
  /** Connections to one backend, and so HTTP/1.1 requests in flight to it. */
  readonly connections: number;
  /** Requests in flight to one backend; null = as many as the connections carry. */
  readonly requests: number | null;
  /** null = the limits above are all. */
  readonly adaptive: AdaptiveLimitSettings | null;
  /** Requests waiting for a backend with room, for the whole upstream. */
  readonly pending: number;
  readonly pendingTimeoutMs: number;
}

export interface KeepaliveSettings {
  /** An idle connection to a backend is closed after this. */
  readonly idleMs: number;
  /** Requests per connection; null = unlimited. */
  readonly maxRequests: number | null;
  /** Age of a connection at which it is no longer reused; null = unlimited. */
  readonly maxAgeMs: number | null;
}

/** How TLS is spoken to https backends. */
export interface UpstreamTls {
  /** The certificate must be trusted and name the backend. */
  readonly verify: boolean;
  /** Authorities to trust instead of the system's; null = the system's. */
  readonly caFile: string | null;
  /** Name that the certificate must carry, and SNI; null = the backend's own host. */
  readonly serverName: string | null;
  /** Our own certificate and key, for backends that ask for one; both or none. */
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** Where backends come from besides those that the configuration names. */
export type DiscoverySettings =
  | {
      readonly kind: 'dns';
      readonly name: string;
      /** Of every address; null for `srv`, whose records carry it. */
      readonly port: number | null;
      readonly type: 'a' | 'srv';
      readonly intervalMs: number;
      /** Backends are https. */
      readonly tls: boolean;
      /** null = the system's. */
      readonly resolver: { readonly host: string; readonly port: number } | null;
    }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'heartbeats' };

/** What is spoken to backends: HTTP/1.1, or HTTP/2 over TLS (`h2`) or cleartext (`h2c`). */
export type UpstreamProtocol = 'http1' | 'h2' | 'h2c';

export interface UpstreamSettings {
  readonly name: string;
  readonly backends: readonly BackendSpec[];
  /** null = those are all. */
  readonly discovery: DiscoverySettings | null;
  readonly protocol: UpstreamProtocol;
  readonly tls: UpstreamTls;
  readonly balance: Policy;
  /** null = nothing is hashed. */
  readonly hashOn: HashSource | null;
  /** null = no stickiness. */
  readonly sticky: StickySettings | null;
  /** null = zones do not matter. */
  readonly zone: ZoneSettings | null;
  /** Only backends whose evidence says this role are used; null = roles do not matter. */
  readonly requireRole: string | null;
  readonly health: HealthSettings;
  readonly retry: RetrySettings;
  readonly timeouts: UpstreamTimeouts;
  readonly limits: UpstreamLimits;
  readonly keepalive: KeepaliveSettings;
  /** `preserve`: the client's Host; `backend`: the backend's authority; else this literal. */
  readonly host: HostPolicy;
  /** Names of the hooks that hear of it; null = all of them do. */
  readonly alerts: readonly string[] | null;
}

/** Whether a backend wants TLS, or one that is found later may. */
export function mayUseTls({ backends, discovery }: UpstreamSettings): boolean {
  return discovery !== null || backends.some(({ tls }) => tls);
}

export type HostPolicy =
  | { readonly kind: 'preserve' | 'backend' }
  | { readonly kind: 'literal'; readonly value: string };

export interface RouteSettings {
  /** Lower-case exact host, or `*.suffix`; null = any. */
  readonly host: string | null;
  /** Prefix at a segment boundary, starting with `/`; `/` = any. */
  readonly path: string;
  /** `path` is taken off what is forwarded. */
  readonly stripPrefix: boolean;
  /** Paths that hide a delimiter (`%2f`, `%5c`, `%00`, `%25`): refused with 400, or passed on as they are. */
  readonly encodedDelimiters: 'reject' | 'pass';
  readonly upstream: string;
}

export interface ListenerLimits {
  /** Request line and header fields together. */
  readonly headerBytes: number;
  readonly headerCount: number;
  /** null = unlimited. */
  readonly bodyBytes: number | null;
  readonly connections: number;
  /** Requests taken from one read before other connections get a turn. */
  readonly pipelined: number;
}

export interface ListenerTimeouts {
  /** From the first byte of a request to the end of its head. */
  readonly headerMs: number;
  /** Between two bytes of a request body. */
  readonly bodyIdleMs: number;
  /** Between two requests on a connection. */
  readonly idleMs: number;
  /** An answer that the client does not read. */
  readonly writeStallMs: number;
  /** The TLS handshake, and the PROXY header before it. */
  readonly handshakeMs: number;
}

/** A certificate with its key, both in PEM files that are read again when they change. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Lower-case host names that it is for, exact or `*.suffix`; empty = those that the certificate names. */
  readonly names: readonly string[];
}

export interface ListenerTls {
  /** The first is for clients that name no host we know. At least one. */
  readonly certificates: readonly CertificateFiles[];
  /** Authorities of client certificates, which are then required; null = none are asked for. */
  readonly clientCaFile: string | null;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** Where to listen: an address and port, or a unix socket's path. */
export type BindAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export interface ListenerSettings {
  readonly name: string;
  readonly bind: readonly BindAddress[];
  /** `tcp`: no HTTP is spoken, and every connection is tunnelled to the upstream of the first route. */
  readonly protocol: 'http' | 'tcp';
  /** null = cleartext. */
  readonly tls: ListenerTls | null;
  /** Offered by ALPN; without effect in cleartext. */
  readonly http2: boolean;
  /** HTTP/2 by prior knowledge in cleartext. */
  readonly cleartextHttp2: boolean;
  /** Connections begin with a PROXY header (v1 or v2), taken from trusted proxies only. */
  readonly proxyProtocol: boolean;
  /** CIDR blocks whose forwarded headers are kept and appended to. */
  readonly trustedProxies: readonly string[];
  /** Header names with `_`: refused with 400, dropped, or passed on. */
  readonly underscoreHeaders: 'reject' | 'drop' | 'allow';
  readonly routes: readonly RouteSettings[];
  readonly limits: ListenerLimits;
  readonly timeouts: ListenerTimeouts;
}

export interface AdminSettings {
  readonly bind: BindAddress;
  /** null = reads and mutations need none (loopback only). */
  readonly token: string | null;
  readonly allowedHosts: readonly string[];
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LogSettings {
  readonly level: LogLevel;
  /** One line per request, none, or only for answers of 500 and above and requests cut short. */
  readonly access: 'all' | 'none' | 'errors';
}

export interface DrainSettings {
  /** Unready, but still serving, before listeners close. */
  readonly delayMs: number;
  /** How long open requests may take to finish. */
  readonly timeoutMs: number;
}

export interface Settings {
  /** Pseudonym in `via`; a request that already carries it is a loop. */
  readonly via: string;
  /** Processes that carry requests; 1 = this one does, `auto` = one for each core. */
  readonly workers: number | 'auto';
  readonly log: LogSettings;
  readonly drain: DrainSettings;
  /** Where health is kept over a restart; null = nowhere. */
  readonly stateFile: string | null;
  /** Share of the memory that a process may use at which it refuses requests, 0.5 to 1; null = never. */
  readonly maxMemory: number | null;
  readonly listeners: readonly ListenerSettings[];
  /** null = off. */
  readonly admin: AdminSettings | null;
  /** null = off. */
  readonly heartbeats: HeartbeatReceiverSettings | null;
  readonly upstreams: readonly UpstreamSettings[];
  readonly hooks: readonly HookSettings[];
}
