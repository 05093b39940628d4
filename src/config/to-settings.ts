/** From the file's names to the program's: the configuration, validated and in units, as `Settings`. Decides nothing. */

import { formatAuthority } from '../base/authority.ts';
import type { BackendSpec } from '../model/backend.ts';
import type { ProbeSettings } from '../model/probe-settings.ts';
import type {
  AdminSettings,
  HealthSettings,
  HeartbeatReceiverSettings,
  HostPolicy,
  ListenerSettings,
  LoadSettings,
  LogSettings,
  OutlierSettings,
  Settings,
  SlowStartSettings,
  UpstreamSettings,
} from '../model/settings.ts';
import { formatBind } from './addresses.ts';
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
    stateFile: config.state_file,
    listeners: config.listeners.map((listener) => toListener(listener, upstreamNames)),
    admin: toAdmin(config.admin),
    heartbeats: toReceiver(config.heartbeats),
    upstreams: Object.entries(config.upstreams).map(([name, upstream]) =>
      toUpstream(name, upstream, config.heartbeats !== null),
    ),
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

function toReceiver(heartbeats: Config['heartbeats']): HeartbeatReceiverSettings | null {
  if (heartbeats === null) return null;
  const { bind, udp, keys } = heartbeats;
  return { bind, udp: udp === null ? null : { host: udp.host, port: udp.port }, keys };
}

/** @param receivesHeartbeats there is a receiver */
function toUpstream(name: string, upstream: Upstream, receivesHeartbeats: boolean): UpstreamSettings {
  const { retry, timeouts, limits, keepalive } = upstream;
  return {
    name,
    backends: upstream.backends.map(toBackend),
    balance: upstream.balance,
    health: toHealth(upstream, receivesHeartbeats),
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

function toHealth(upstream: Upstream, receivesHeartbeats: boolean): HealthSettings {
  const { probe, outliers, heartbeat, load, slow_start, budget, panic } = upstream;
  const { interval, lease, suspect_phi, required } = heartbeat;
  return {
    initialState: upstream.initial_state,
    probe: probe === false ? null : toProbe(probe),
    outliers: outliers === false ? null : toOutliers(outliers),
    heartbeat: receivesHeartbeats ? { intervalMs: interval, leaseMs: lease, suspectPhi: suspect_phi, required } : null,
    load: load.sources.length === 0 ? null : toLoad(load),
    slowStart: slow_start === null ? null : toSlowStart(slow_start),
    budget: { maxRemoved: budget.max_removed, minAvailable: budget.min_available },
    panic: { threshold: panic.threshold, mode: panic.mode },
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
  const schedule = {
    port: probe.port,
    intervalMs: probe.interval,
    // Looking closer never means looking less often, whatever the default of the key that was left out.
    fastIntervalMs: Math.min(probe.fast_interval, probe.interval),
    timeoutMs: probe.timeout,
    rise: probe.rise,
    fall: probe.fall,
    jitter: probe.jitter,
  };
  const { status, body, header, json } = probe.expect;
  switch (probe.type) {
    case 'http':
      return {
        ...schedule,
        type: 'http',
        path: probe.path,
        method: probe.method,
        host: probe.host,
        expect: {
          status: status.map((range) => (typeof range === 'number' ? [range, range] : [range.from, range.to])),
          body,
          header,
          json,
        },
      };
    case 'tcp':
      return { ...schedule, type: 'tcp', send: probe.send, expect: body };
    case 'grpc':
      return { ...schedule, type: 'grpc', host: probe.host, service: probe.service ?? '' };
  }
}

function toOutliers(outliers: Outliers): OutlierSettings {
  return {
    consecutive: outliers.consecutive,
    windowMs: outliers.window,
    minRequests: outliers.min_requests,
    failureRate: outliers.failure_rate,
    latencyFactor: outliers.latency_factor,
    ejectionMs: outliers.ejection,
    ejectionMaxMs: outliers.ejection_max,
    dryRun: outliers.dry_run,
  };
}

function toLoad(load: Upstream['load']): LoadSettings {
  return {
    sources: load.sources,
    utilization: load.utilization,
    blackoutMs: load.blackout,
    expiryMs: load.expiry,
    errorPenalty: load.error_penalty,
    maxRatio: load.max_ratio,
  };
}

function toSlowStart({ window, min_weight, aggression }: NonNullable<Upstream['slow_start']>): SlowStartSettings {
  return { windowMs: window, minWeight: min_weight, aggression };
}

function toHostPolicy(host: string): HostPolicy {
  return host === 'preserve' || host === 'backend' ? { kind: host } : { kind: 'literal', value: host };
}
