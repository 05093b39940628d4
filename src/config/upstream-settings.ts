/** One upstream, from the file's names to the program's. Decides nothing. */

import type { z } from 'zod';
import { formatAuthority } from '../base/authority.ts';
import type { BackendSpec } from '../model/backend.ts';
import type { HashSource, HostPolicy, StickySettings, UpstreamSettings, UpstreamTls } from '../model/settings.ts';
import { toDiscovery } from './discovery-settings.ts';
import { toHealth } from './health-settings.ts';
import type { Config } from './schema.ts';
import type { backendList } from './upstream-schema.ts';

type Upstream = Config['upstreams'][string];
type Backend = z.output<typeof backendList>[number];

/** @param receivesHeartbeats there is a receiver */
export function toUpstream(name: string, upstream: Upstream, receivesHeartbeats: boolean): UpstreamSettings {
  const { retry, timeouts, limits, keepalive } = upstream;
  return {
    name,
    backends: upstream.backends.map(toBackend),
    discovery: toDiscovery(upstream.discovery),
    protocol: upstream.protocol,
    tls: toTls(upstream.tls),
    balance: upstream.balance,
    hashOn: toHashSource(upstream.hash_on),
    sticky: toSticky(upstream.sticky),
    zone: upstream.zone,
    requireRole: upstream.require_role,
    health: toHealth(upstream, receivesHeartbeats),
    retry: {
      attempts: retry.attempts,
      on: retry.on,
      methods: retry.methods,
      perTryTimeoutMs: retry.per_try_timeout,
      budget: retry.budget,
      minPerSecond: retry.min_per_second,
      bufferBytes: retry.buffer_bytes,
      rescueMs: retry.rescue,
      outageMs: retry.outage,
      hedge: retry.hedge,
    },
    timeouts: {
      connectMs: timeouts.connect,
      responseHeaderMs: timeouts.response_header,
      idleMs: timeouts.idle,
      requestMs: timeouts.request,
      tunnelIdleMs: timeouts.tunnel_idle,
      tunnelMs: timeouts.tunnel,
    },
    limits: {
      connections: limits.connections,
      requests: limits.requests,
      adaptive: limits.adaptive,
      pending: limits.pending,
      pendingTimeoutMs: limits.pending_timeout,
    },
    keepalive: {
      idleMs: keepalive.idle,
      maxRequests: keepalive.max_requests,
      maxAgeMs: keepalive.max_age,
    },
    host: toHostPolicy(upstream.host),
    alerts: upstream.alerts,
  };
}

export function toBackend(backend: Backend): BackendSpec {
  if (!('weight' in backend)) return toBackend({ id: null, url: backend, weight: 1, priority: 0, labels: {} });
  const { url, tls, host, port } = backend.url;
  return {
    id: backend.id ?? formatAuthority(host, port),
    url,
    tls,
    host,
    port,
    weight: backend.weight,
    priority: backend.priority,
    labels: backend.labels,
  };
}

function toHostPolicy(host: string): HostPolicy {
  return host === 'preserve' || host === 'backend' ? { kind: host } : { kind: 'literal', value: host };
}

function toTls({ verify, ca_file, server_name, cert_file, key_file }: Upstream['tls']): UpstreamTls {
  return { verify, caFile: ca_file, serverName: server_name, certFile: cert_file, keyFile: key_file };
}

function toHashSource(source: Upstream['hash_on']): HashSource | null {
  if (source === null) return null;
  if (typeof source === 'string') return { kind: source };
  // Names of headers are compared in lower case, names of cookies as they are.
  if (source.header !== null) return { kind: 'header', name: source.header.toLowerCase() };
  return { kind: 'cookie', name: source.cookie as string };
}

function toSticky(sticky: Upstream['sticky']): StickySettings | null {
  return sticky === null ? null : { cookie: sticky.cookie, ttlMs: sticky.ttl, secret: sticky.secret };
}
