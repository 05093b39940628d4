/** From the file's names to the program's: the configuration, validated and in units, as `Settings`. Decides nothing. */

import type { BackendSpec } from '../model/backend.ts';
import type {
  AdminSettings,
  HostPolicy,
  ListenerSettings,
  LogSettings,
  OutlierSettings,
  ProbeSettings,
  Settings,
  UpstreamSettings,
} from '../model/settings.ts';
import { formatAuthority, formatBind } from './addresses.ts';
import type { Config } from './schema.ts';

type Listener = Config['listeners'][number];
type Upstream = Config['upstreams'][string];
type Backend = Upstream['backends'][number];
type Probe = Exclude<Upstream['probe'], false>;
type Outliers = Exclude<Upstream['outliers'], false>;

/** @param config valid by itself and by checks.ts */
export function toSettings(config: Config): Settings {
  const upstreamNames = Object.keys(config.upstreams);
  return {
    via: config.via,
    log: { level: config.log.level, access: toAccess(config.log.access) },
    drain: { delayMs: config.drain.delay, timeoutMs: config.drain.timeout },
    listeners: config.listeners.map((listener) => toListener(listener, upstreamNames)),
    admin: toAdmin(config.admin),
    upstreams: Object.entries(config.upstreams).map(([name, upstream]) => toUpstream(name, upstream)),
  };
}

function toAccess(access: Config['log']['access']): LogSettings['access'] {
  if (access === 'errors') return access;
  return access ? 'all' : 'none';
}

function toListener(listener: Listener, upstreamNames: readonly string[]): ListenerSettings {
  const { limits, timeouts } = listener;
  const bind = Array.isArray(listener.bind) ? listener.bind : [listener.bind];
  const routes = listener.routes ?? upstreamNames.map((upstream) => ({ host: null, path: '/', upstream }));
  return {
    name: listener.name ?? bind.map(formatBind).join(','),
    bind,
    trustedProxies: listener.trusted_proxies,
    underscoreHeaders: listener.underscore_headers,
    routes: routes.map(({ host, path, upstream }) => ({ host: host?.toLowerCase() ?? null, path, upstream })),
    limits: {
      headerBytes: limits.header_bytes,
      headerCount: limits.header_count,
      bodyBytes: limits.body_bytes,
      connections: limits.connections,
      pipelined: limits.pipelined,
    },
    timeouts: {
      headerMs: timeouts.header,
      bodyIdleMs: timeouts.body_idle,
      idleMs: timeouts.idle,
      writeStallMs: timeouts.write_stall,
    },
  };
}

function toAdmin({ bind, token, allowed_hosts }: Config['admin']): AdminSettings | null {
  return bind === null ? null : { bind, token, allowedHosts: allowed_hosts };
}

function toUpstream(name: string, upstream: Upstream): UpstreamSettings {
  const { budget, panic, retry, timeouts, limits, keepalive } = upstream;
  return {
    name,
    backends: upstream.backends.map(toBackend),
    balance: upstream.balance,
    health: {
      initialState: upstream.initial_state,
      probe: upstream.probe === false ? null : toProbe(upstream.probe),
      outliers: upstream.outliers === false ? null : toOutliers(upstream.outliers),
      budget: { maxRemoved: budget.max_removed, minAvailable: budget.min_available },
      panic: { threshold: panic.threshold, mode: panic.mode },
    },
    retry: {
      attempts: retry.attempts,
      on: retry.on,
      methods: retry.methods,
      perTryTimeoutMs: retry.per_try_timeout,
      budget: retry.budget,
      minPerSecond: retry.min_per_second,
      bufferBytes: retry.buffer_bytes,
    },
    timeouts: {
      connectMs: timeouts.connect,
      responseHeaderMs: timeouts.response_header,
      idleMs: timeouts.idle,
      requestMs: timeouts.request,
    },
    limits: {
      connections: limits.connections,
      pending: limits.pending,
      pendingTimeoutMs: limits.pending_timeout,
    },
    keepalive: {
      idleMs: keepalive.idle,
      maxRequests: keepalive.max_requests,
      maxAgeMs: keepalive.max_age,
    },
    host: toHostPolicy(upstream.host),
  };
}

function toBackend(backend: Backend): BackendSpec {
  if (!('weight' in backend)) return toBackend({ id: null, url: backend, weight: 1, priority: 0, labels: {} });
  const { url, host, port } = backend.url;
  return {
    id: backend.id ?? formatAuthority(host, port),
    url,
    tls: false,
    host,
    port,
    weight: backend.weight,
    priority: backend.priority,
    labels: backend.labels,
  };
}

function toProbe(probe: Probe): ProbeSettings {
  const { status, body, header } = probe.expect;
  return {
    path: probe.path,
    method: probe.method,
    host: probe.host,
    port: probe.port,
    intervalMs: probe.interval,
    // Looking closer never means looking less often, whatever the default of the key that was left out.
    fastIntervalMs: Math.min(probe.fast_interval, probe.interval),
    timeoutMs: probe.timeout,
    rise: probe.rise,
    fall: probe.fall,
    jitter: probe.jitter,
    expect: {
      status: status.map((range) => (typeof range === 'number' ? [range, range] : [range.from, range.to])),
      body,
      header,
    },
  };
}

function toOutliers(outliers: Outliers): OutlierSettings {
  return {
    consecutive: outliers.consecutive,
    windowMs: outliers.window,
    ejectionMs: outliers.ejection,
    ejectionMaxMs: outliers.ejection_max,
  };
}

function toHostPolicy(host: string): HostPolicy {
  return host === 'preserve' || host === 'backend' ? { kind: host } : { kind: 'literal', value: host };
}
