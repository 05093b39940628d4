/** Settings for upstreams that exist in virtual time only: production's defaults where a simulation does not say otherwise. */

import type { BackendSpec } from '../model/backend.ts';
import type { HttpProbeSettings } from '../model/probe-settings.ts';
import type {
  HealthSettings,
  HeartbeatSettings,
  LoadSettings,
  OutlierSettings,
  SlowStartSettings,
  UpstreamSettings,
} from '../model/settings.ts';

export const PROBE: HttpProbeSettings = {
  type: 'http',
  path: '/healthz',
  method: 'GET',
  host: null,
  port: null,
  intervalMs: 5_000,
  fastIntervalMs: 1_000,
  timeoutMs: 2_000,
  rise: 2,
  fall: 3,
  jitter: 0.1,
  expect: { status: [[200, 299]], body: null, header: null, json: null },
};

export const OUTLIERS: OutlierSettings = {
  consecutive: 5,
  windowMs: 10_000,
  minRequests: 20,
  failureRate: 0.25,
  latencyFactor: 4,
  ejectionMs: 10_000,
  ejectionMaxMs: 300_000,
  dryRun: false,
};

export const HEARTBEAT: HeartbeatSettings = { intervalMs: 2_000, leaseMs: 6_000, suspectPhi: 5, required: false };

export const LOAD: LoadSettings = {
  sources: ['response', 'heartbeat', 'probe'],
  utilization: ['application_utilization', 'cpu_utilization'],
  blackoutMs: 10_000,
  expiryMs: 180_000,
  errorPenalty: 1,
  maxRatio: 4,
};

export const SLOW_START: SlowStartSettings = { windowMs: 30_000, minWeight: 0.1, aggression: 1 };

export const HEALTH: HealthSettings = {
  initialState: 'probe',
  probe: PROBE,
  outliers: OUTLIERS,
  heartbeat: HEARTBEAT,
  load: LOAD,
  slowStart: SLOW_START,
  budget: { maxRemoved: 0.5, minAvailable: 1 },
  panic: { threshold: 0.5, mode: 'least_bad' },
};

export function simulatedBackend(id: string, weight = 1): BackendSpec {
  return { id, url: `http://${id}.test:80`, tls: false, host: `${id}.test`, port: 80, weight, priority: 0, labels: {} };
}

export function simulatedUpstream(
  backends: readonly BackendSpec[],
  overrides: Partial<Pick<UpstreamSettings, 'health' | 'balance' | 'limits' | 'zone' | 'sticky'>> = {},
): UpstreamSettings {
  return {
    name: 'simulated',
    backends,
    discovery: null,
    protocol: 'http1',
    tls: { verify: true, caFile: null, serverName: null, certFile: null, keyFile: null },
    balance: 'least_request',
    hashOn: null,
    sticky: null,
    zone: null,
    requireRole: null,
    alerts: null,
    health: HEALTH,
    retry: {
      attempts: 2,
      on: ['connect_failure', 'reset', 'timeout', 500, 502, 503, 504],
      methods: 'idempotent',
      perTryTimeoutMs: null,
      budget: 0.2,
      minPerSecond: 10,
      bufferBytes: 65_536,
      rescueMs: null,
      outageMs: null,
      hedge: null,
    },
    timeouts: {
      connectMs: 1_000,
      responseHeaderMs: 30_000,
      idleMs: 60_000,
      requestMs: null,
      tunnelIdleMs: 600_000,
      tunnelMs: null,
    },
    limits: { connections: 256, requests: null, adaptive: null, pending: 1_024, pendingTimeoutMs: 5_000 },
    keepalive: { idleMs: 50_000, maxRequests: null, maxAgeMs: null },
    host: { kind: 'preserve' },
    ...overrides,
  };
}
