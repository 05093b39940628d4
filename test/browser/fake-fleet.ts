/** A fleet of plain objects behind a real admin server: what the dashboard shows is what the test says, at once. */

import { onTestFinished } from 'vitest';
import { type AdminServer, startAdmin } from '../../src/admin/server.ts';
import { EventLog } from '../../src/control/event-log.ts';
import type { AdminControl, BackendReport, HealthReport, UpstreamReport } from '../../src/model/report.ts';
import type { Intent, Status } from '../../src/model/status.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { bindSocket } from '../../src/platform/listen-sockets.ts';
import { OUTCOMES_FINE, probePassing } from '../support/evidence-fixtures.ts';

const SINCE = '2026-11-21T02:00:00.000Z';

export interface FakeFleet {
  readonly url: string;
  readonly port: number;
  /** What operators did, in order. */
  readonly changes: string[];
  /** How often the whole picture was asked for. */
  pictures: number;
  self: HealthReport['self'];
  panic: boolean;
  version: string;
  /** Whether anybody follows `/stream`. */
  isFollowed: boolean;
  /** Changes a backend of `app`, and tells of it when its status changes. */
  set(id: string, fields: Partial<BackendReport>): void;
  /** As a proxy that is stopped. */
  stop(): Promise<void>;
  /** Again, at the same address. */
  restart(): Promise<void>;
}

export interface FakeFleetOptions {
  readonly ids: readonly string[];
  readonly token?: string | null;
}

/** Upstream `app` with these backends, all up. */
export async function startFakeFleet({ ids, token = null }: FakeFleetOptions): Promise<FakeFleet> {
  const backends = new Map(ids.map((id) => [id, backendOf(id)]));
  const intents = new Map<string, Intent>();
  let events = new EventLog(systemClock);
  let server: AdminServer;
  let port = 0;

  const reportUpstream = (): UpstreamReport => {
    const all = [...backends.values()];
    const available = all.filter((backend) => backend.available).length;
    const status = fleet.panic ? 'panic' : available === all.length ? 'ok' : available > 0 ? 'degraded' : 'down';
    return {
      status,
      panic: fleet.panic,
      balance: 'least_request',
      available,
      total: all.length,
      snapshot: 1,
      backends: all,
    };
  };
  const control = (): AdminControl => ({
    events: {
      since: (id) => events.since(id),
      subscribe: (listener) => {
        fleet.isFollowed = true;
        const unsubscribe = events.subscribe(listener);
        return () => {
          fleet.isFollowed = false;
          unsubscribe();
        };
      },
    },
    unready: () => [],
    recording: () => [],
    metrics: async () => [],
    configuration: () => ({}),
    restartWorkers: () => false,
    reload: async () => ({ ok: true, generation: 2 }),
    health: () => {
      fleet.pictures += 1;
      const app = reportUpstream();
      return {
        status: app.status === 'panic' ? 'degraded' : app.status,
        version: fleet.version,
        generation: 7,
        uptime_seconds: 12.3,
        self: fleet.self,
        upstreams: { app },
      };
    },
    upstream: (name) =>
      name !== 'app'
        ? null
        : {
            report: reportUpstream,
            backend: (id) => {
              const backend = backends.get(id);
              return backend === undefined ? null : { ...backend, ...detailOf(backend, intents.get(id) ?? 'enabled') };
            },
            setIntent: (id, intent) => {
              fleet.changes.push(`${id} ${intent}`);
              intents.set(id, intent);
              const status = intent === 'enabled' ? 'up' : intent;
              fleet.set(id, { status, reason: `${intent} by an operator` });
              return backends.has(id);
            },
            setWeight: (id, weight) => {
              fleet.changes.push(`${id} weight ${weight}`);
              fleet.set(id, { weight, effective_weight: weight });
              return backends.has(id);
            },
          },
  });
  const start = async () => {
    server = await startAdmin({
      socket: await bindSocket({ kind: 'tcp', host: '127.0.0.1', port }),
      settings: {
        bind: { kind: 'tcp', host: '127.0.0.1', port },
        token,
        allowedHosts: ['127.0.0.1'],
      },
      control: control(),
      clock: systemClock,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
    if (server.address.kind === 'tcp') port = server.address.port;
  };
  const fleet: FakeFleet = {
    changes: [],
    pictures: 0,
    self: { awareness: 0, loop_lag_ms: 0.4, workers: 1 },
    panic: false,
    version: '1.2.3',
    isFollowed: false,
    get port() {
      return port;
    },
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    set(id, fields) {
      const before = backends.get(id);
      if (before === undefined) return;
      const status = fields.status ?? before.status;
      const available = ['up', 'suspect', 'trial'].includes(status);
      const after = { ...before, available, since: new Date(systemClock.wall()).toISOString(), ...fields };
      backends.set(id, after);
      if (status === before.status) return;
      const { reason } = after;
      const at = systemClock.now();
      events.record('app', { id: 1, at, backend: id, from: before.status, to: status, reason, source: 'probe' });
    },
    stop: () => server.close(),
    async restart() {
      events = new EventLog(systemClock);
      await start();
    },
  };
  await start();
  onTestFinished(() => server.close());
  return fleet;
}

function backendOf(id: string): BackendReport {
  return {
    id,
    url: 'http://127.0.0.1:3001',
    status: 'up' as Status,
    available: true,
    priority: 0,
    weight: 1,
    effective_weight: 1,
    in_flight: 3,
    requests_total: 100,
    failures_total: 0,
    retries_total: 0,
    latency_ms: { p50: 4.1, p90: 9, p99: 22 },
    load: null,
    version: '1.4.2',
    role: null,
    heartbeat: { verdict: 'alive', seq: 1 },
    since: SINCE,
    reason: '2 probes passed',
  };
}

function detailOf(backend: BackendReport, intent: Intent) {
  return {
    evidence: {
      probe: probePassing(SINCE),
      outcomes: OUTCOMES_FINE,
      heartbeat: { verdict: 'alive', phi: 0.23, boot: 'b', seq: 17, lease_remaining_ms: 5_200, rejected_total: 0 },
      load: { utilization: 0.3, report: null, source: 'response', age_ms: 200, factor: 0.934, rejected_total: 0 },
      admin: { intent, by: null, since: null },
    },
    why: `${backend.status} for 3 s: ${backend.reason}. probe: up for 3 s, 4 probes passed in a row. outcomes: 1 of 120 failed.`,
  } as const;
}
