/** An AdminControl of plain objects behind a real admin server, and ways to talk to it. */

import { connect } from 'node:net';
import { type AdminServer, checkExposure, startAdmin } from '../../../src/admin/server.ts';
import { EventLog } from '../../../src/control/event-log.ts';
import type { Log } from '../../../src/model/log.ts';
import type { AdminControl, BackendDetail, UpstreamControl } from '../../../src/model/report.ts';
import type { AdminSettings, BindAddress } from '../../../src/model/settings.ts';
import type { Intent, Status } from '../../../src/model/status.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { bindSocket } from '../../../src/platform/listen-sockets.ts';
import { OUTCOMES_FINE, probePassing } from '../../support/evidence-fixtures.ts';

const SINCE = '2026-11-21T02:00:00.000Z';

export interface FakeControl extends AdminControl {
  /** Everything that was changed, in order. */
  readonly changes: string[];
  reasons: string[];
  readonly events: EventLog;
  setStatus(upstream: string, id: string, status: Status): void;
}

export interface LogLine {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly sentence: string;
}

export interface Running {
  readonly control: FakeControl;
  readonly lines: LogLine[];
  readonly server: AdminServer;
  readonly port: number;
  readonly url: string;
}

/** Upstream `app` with backends `a` and `127.0.0.1:3002`, and upstream `odd/name` with `x`. */
export function createFakeControl(): FakeControl {
  const changes: string[] = [];
  const upstreams = new Map([
    ['app', fakeUpstream('app', ['a', '127.0.0.1:3002'], changes)],
    ['odd/name', fakeUpstream('odd/name', ['x'], changes)],
  ]);
  return {
    changes,
    reasons: [],
    events: new EventLog(systemClock),
    setStatus(upstream, id, status) {
      upstreams.get(upstream)?.statuses.set(id, status);
    },
    health: () => ({
      status: 'ok',
      version: '1.2.3',
      generation: 1,
      uptime_seconds: 12.3,
      self: { awareness: 0, loop_lag_ms: 0.4, workers: 1 },
      upstreams: Object.fromEntries([...upstreams].map(([name, upstream]) => [name, upstream.report()])),
    }),
    upstream: (name) => upstreams.get(name) ?? null,
    configuration: () => ({ via: 'pulsegate' }),
    restartWorkers: () => false,
    async reload(by) {
      changes.push(`reload for ${by}`);
      return { ok: true, generation: 2 };
    },
    metrics: async () => ['# HELP a\n', 'a 1\n'],
    recording: () => ['{"kind":"recording"}', '{"kind":"state"}'],
    unready() {
      return this.reasons;
    },
  };
}

export async function startFake(token: string | null, settings: Partial<AdminSettings> = {}): Promise<Running> {
  const control = createFakeControl();
  const lines: LogLine[] = [];
  const bind: BindAddress = settings.bind ?? { kind: 'tcp', host: '127.0.0.1', port: 0 };
  checkExposure({ bind, token });
  const server = await startAdmin({
    socket: await bindSocket(bind, 'admin'),
    settings: {
      bind,
      token,
      allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
      ...settings,
    },
    control,
    clock: systemClock,
    log: recordingLog(lines),
  });
  const port = server.address.kind === 'tcp' ? server.address.port : 0;
  return { control, lines, server, port, url: `http://127.0.0.1:${port}` };
}

/** Writes `text` as it is, and resolves with all that comes back until the server closes or `enough` says so. */
export function exchangeBytes(
  port: number,
  text: string,
  enough: (received: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (enough(received)) socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve(received));
  });
}

function fakeUpstream(name: string, ids: readonly string[], changes: string[]) {
  const statuses = new Map<string, Status>(ids.map((id) => [id, 'up']));
  const weights = new Map(ids.map((id) => [id, 1]));
  const intents: Readonly<Record<Intent, Status>> = { enabled: 'up', draining: 'draining', disabled: 'disabled' };
  const upstream: UpstreamControl & { readonly statuses: Map<string, Status> } = {
    statuses,
    report() {
      const backends = ids.map((id) => detailOf(id, statuses.get(id) as Status, weights.get(id) as number));
      const available = backends.filter((backend) => backend.available).length;
      return {
        status: available === ids.length ? 'ok' : available > 0 ? 'degraded' : 'down',
        panic: false,
        balance: 'least_request',
        available,
        total: ids.length,
        snapshot: 17,
        backends: backends.map(({ evidence: _, why: __, ...report }) => report),
      };
    },
    backend: (id) => {
      const status = statuses.get(id);
      return status === undefined ? null : detailOf(id, status, weights.get(id) as number);
    },
    setIntent(id, intent) {
      if (!statuses.has(id)) return false;
      statuses.set(id, intents[intent]);
      changes.push(`${name}/${id} ${intent}`);
      return true;
    },
    setWeight(id, weight) {
      if (!statuses.has(id)) return false;
      weights.set(id, weight);
      changes.push(`${name}/${id} weight ${weight}`);
      return true;
    },
  };
  return upstream;
}

function detailOf(id: string, status: Status, weight: number): BackendDetail {
  return {
    id,
    url: 'http://127.0.0.1:3001',
    status,
    available: status === 'up',
    priority: 0,
    weight,
    effective_weight: weight * 0.93,
    in_flight: 3,
    requests_total: 123,
    failures_total: 1,
    retries_total: 0,
    latency_ms: id === 'a' ? { p50: 4.1, p90: 9, p99: 22 } : null,
    since: SINCE,
    reason: '2 probes passed',
    load: null,
    version: null,
    role: null,
    heartbeat: null,
    evidence: {
      probe: probePassing(SINCE),
      outcomes: OUTCOMES_FINE,
      // `a` is silent about itself; the others beat and report.
      heartbeat:
        id === 'a'
          ? { verdict: 'off', phi: 0, boot: null, seq: null, lease_remaining_ms: null, rejected_total: 0 }
          : { verdict: 'alive', phi: 0.23, boot: 'b', seq: 17, lease_remaining_ms: 5_200, rejected_total: 2 },
      load:
        id === 'a'
          ? { utilization: null, report: null, source: null, age_ms: null, factor: 1, rejected_total: 0 }
          : { utilization: 0.3, report: null, source: 'response', age_ms: 200, factor: 0.934, rejected_total: 1 },
      admin: { intent: 'enabled', by: null, since: null },
    },
    why: 'probes pass; nothing speaks against it',
  };
}

function recordingLog(lines: LogLine[]): Log {
  const at = (level: string) => (fields: object, sentence: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, sentence });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
