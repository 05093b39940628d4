/**
 * One backend of the demo: a small HTTP server that can be broken and healed on demand. It owns its listener, its
 * condition and the requests it is holding. After every change it listens, unless it is killed, on the port it had first.
 *
 *            kill                            kill: nobody listens, open connections are reset
 *   ┌──────────────────► killed ──┐          hang: connections are accepted, nothing is answered, /healthz neither
 *   │   hang, slow, fail          │ heal     slow: work takes 20 times as long
 * normal ──────────────► broken ──┤          fail: 500 on work, while /healthz stays fine
 *   ▲                             │          Every action is taken in every condition: the last one counts.
 *   └─────────────────────────────┘
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Rng } from '../base/rng.ts';
import type { Clock } from '../base/time.ts';
import { loadReport } from '../sender/load-report.ts';
import { closeServer, listen, sendJson } from './http.ts';
import { Pulse } from './pulse.ts';

export type Condition = 'normal' | 'killed' | 'hanging' | 'slow' | 'failing';

export interface DemoBackendOptions {
  readonly id: string;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Mean service time of work, in milliseconds; each answer takes 0.5 to 1.5 times as long. */
  readonly meanMs: number;
  /** Origin of the proxy's receiver of heartbeats; null = none are sent. */
  readonly heartbeatsTo: string | null;
}

export interface DemoBackend {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly condition: Condition;
  /** Requests answered, those for /healthz aside. */
  readonly answered: number;
  /** Rejects with StartError when a killed backend is to listen again and its port has been taken. */
  change(condition: Condition): Promise<void>;
  stop(): Promise<void>;
}

const SLOW_FACTOR = 20;
/** Requests under way at which a demo backend calls itself fully used. */
const CAPACITY = 16;
/** Above any proxy's idle time, so that the demo shows no keep-alive races. */
const KEEP_ALIVE_MS = 120_000;

/** Rejects with StartError when the port is taken. */
export async function startDemoBackend(
  options: DemoBackendOptions,
  deps: { readonly clock: Clock; readonly rng: Rng },
): Promise<DemoBackend> {
  const { id, host, meanMs } = options;
  const held = new Set<() => void>();
  let condition: Condition = 'normal';
  let answered = 0;
  let underWay = 0;
  const load = () => ({ application_utilization: underWay / CAPACITY });
  const pulse = new Pulse({ to: options.heartbeatsTo, backend: id, load });
  let server = await open(options.port);
  const { port } = server.address() as AddressInfo;
  pulse.start();

  function open(onPort: number): Promise<Server> {
    const created = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, serve);
    return listen(created, { host, port: onPort }, `demo backend ${id}`);
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    if (request.url === '/healthz') {
      answer(response, () => sendJson(response, 200, { status: 'ok' }));
      return;
    }
    underWay++;
    const factor = condition === 'slow' ? SLOW_FACTOR : 1;
    const serviceMs = meanMs * factor * (0.5 + deps.rng.next());
    const timer = deps.clock.at(deps.clock.now() + serviceMs, () => answer(response, () => work(request, response)));
    response.once('close', () => {
      underWay--;
      timer.cancel();
    });
  }

  function work(request: IncomingMessage, response: ServerResponse): void {
    answered++;
    loadReport(response, load());
    const requestId = request.headers['x-request-id'] ?? null;
    if (condition === 'failing') {
      sendJson(response, 500, { error: 'broken_on_demand', backend: id, request_id: requestId });
    } else {
      sendJson(response, 200, { backend: id, path: request.url, request_id: requestId });
    }
  }

  /** A hanging backend keeps its answers back; they go out once it is healed, as after a long pause of the process. */
  function answer(response: ServerResponse, send: () => void): void {
    if (condition !== 'hanging') {
      send();
      return;
    }
    held.add(send);
    response.once('close', () => held.delete(send));
  }

  function release(): void {
    const sends = [...held];
    held.clear();
    for (const send of sends) send();
  }

  async function apply(to: Condition): Promise<void> {
    const from = condition;
    if (to === from) return;
    if (from === 'killed') server = await open(port);
    condition = to;
    if (to === 'killed' || to === 'hanging') pulse.stop();
    else pulse.start();
    if (to === 'killed') await closeServer(server);
    else if (from === 'hanging') release();
  }

  /** One change at a time: a heal that is still opening its port must not meet the next kill halfway. */
  let settled: Promise<unknown> = Promise.resolve();
  function afterChanges<T>(action: () => Promise<T>): Promise<T> {
    const result = settled.then(action);
    settled = result.catch(() => {});
    return result;
  }

  return {
    id,
    host,
    port,
    change: (to) => afterChanges(() => apply(to)),
    stop: () => {
      pulse.stop();
      return afterChanges(() => closeServer(server));
    },
    get condition() {
      return condition;
    },
    get answered() {
      return answered;
    },
  };
}
