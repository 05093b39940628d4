/**
 * The admin API (INTERFACE §4): one table from method and path to handler. Segments are compared whole, after splitting
 * and percent-decoding, so an encoded slash belongs to a name and never makes a new segment.
 */

import type { AdminControl, UpstreamControl } from '../model/report.ts';
import type { Intent } from '../model/status.ts';
import { type Answer, failure, json, type Streamed } from './answer.ts';
import type { Dashboard } from './dashboard/assets.ts';
import type { EventStreams } from './events.ts';
import type { Access } from './guard.ts';
import type { MetricsPages } from './metrics.ts';
import { recordingAnswer } from './recording.ts';
import type { StateStreams } from './stream.ts';

export interface Call {
  readonly control: AdminControl;
  readonly events: EventStreams;
  readonly states: StateStreams;
  readonly dashboard: Dashboard;
  readonly metrics: MetricsPages;
  /** The decoded segments at the pattern's `:` places. */
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  /** Of a client that reads events and comes back. */
  readonly lastEventId: string | undefined;
  /** The parsed body of a change; undefined when it had none. */
  readonly body: unknown;
  /** The caller's address, for the audit. */
  readonly by: string;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly pattern: readonly string[];
  readonly access: Access;
  handle(call: Call): Answer | Streamed | Promise<Answer>;
}

export interface RouteMatch {
  readonly route: Route;
  readonly params: readonly string[];
}

const BACKEND = '/upstreams/:upstream/backends/:backend';

const ROUTES: readonly Route[] = [
  route('GET', '/livez', 'public', () => json(200, { status: 'ok' })),
  route('GET', '/readyz', 'public', readiness),
  route('GET', '/health', 'read', health),
  route('GET', '/health/:upstream', 'read', upstreamHealth),
  route('GET', '/health/:upstream/:backend', 'read', backendHealth),
  route('POST', `${BACKEND}/drain`, 'change', (call) => setIntent(call, 'draining')),
  route('POST', `${BACKEND}/enable`, 'change', (call) => setIntent(call, 'enabled')),
  route('POST', `${BACKEND}/disable`, 'change', (call) => setIntent(call, 'disabled')),
  route('PUT', `${BACKEND}/weight`, 'change', setWeight),
  route('GET', '/', 'public', ({ dashboard }) => dashboard.page),
  route('GET', '/app.js', 'public', ({ dashboard }) => dashboard.script),
  route('GET', '/app.css', 'public', ({ dashboard }) => dashboard.style),
  route('GET', '/icon.svg', 'public', ({ dashboard }) => dashboard.icon),
  route('GET', '/stream', 'read', ({ states }) => states.answer()),
  route('GET', '/events', 'read', ({ events, query, lastEventId }) => events.answer(query, lastEventId)),
  route('GET', '/recording', 'read', ({ control }) => recordingAnswer(control.recording())),
  route('GET', '/config', 'read', ({ control }) => json(200, control.configuration())),
  route('POST', '/config/reload', 'change', reload),
  route('POST', '/workers/restart', 'change', ({ control }) =>
    control.restartWorkers()
      ? json(202, { restarting: true })
      : failure(409, 'no_workers', 'everything is in one process: `workers` is 1'),
  ),
  route('GET', '/metrics', 'read', ({ metrics }) => metrics.answer()),
];

/** The route for a request, or the refusal: 400 for a malformed path, 404, or 405 with `allow`. HEAD is answered as GET. */
export function matchRoute(method: string, target: string): RouteMatch | Answer {
  const segments = decodePath(target);
  if (segments === null) return failure(400, 'bad_request', 'the path is not valid percent-encoding');
  const matches = ROUTES.filter((candidate) => fits(candidate.pattern, segments));
  if (matches.length === 0) return failure(404, 'not_found', 'there is nothing at this path');
  const asked = method === 'HEAD' ? 'GET' : method;
  const found = matches.find((candidate) => candidate.method === asked);
  if (found === undefined) {
    const allow = matches.map((candidate) => (candidate.method === 'GET' ? 'GET, HEAD' : candidate.method)).join(', ');
    return failure(405, 'method_not_allowed', `this path takes ${allow}`, { allow });
  }
  return { route: found, params: segments.filter((_, i) => found.pattern[i]?.startsWith(':')) };
}

function route(method: Route['method'], path: string, access: Access, handle: Route['handle']): Route {
  return { method, pattern: path.slice(1).split('/'), access, handle };
}

function decodePath(target: string): string[] | null {
  const path = target.split('?', 1)[0] as string;
  try {
    return path.slice(1).split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => part === segments[i] || (part.startsWith(':') && segments[i] !== ''))
  );
}

function readiness({ control }: Call): Answer {
  const reasons = control.unready();
  if (reasons.length === 0) return json(200, { status: 'ready' });
  return json(503, { error: 'not_ready', message: reasons.join('; '), reasons });
}

async function reload({ control, by }: Call): Promise<Answer> {
  const outcome = await control.reload(`POST /config/reload by ${by}`);
  if (outcome.ok) return json(200, { generation: outcome.generation });
  const { message, problems } = outcome;
  return json(422, { error: 'invalid_config', message, problems });
}

function health({ control }: Call): Answer {
  const report = control.health();
  const served = Object.values(report.upstreams).every((upstream) => upstream.available > 0);
  return json(served ? 200 : 503, report);
}

function upstreamHealth(call: Call): Answer {
  return withUpstream(call, (upstream) => json(200, upstream.report()));
}

function backendHealth(call: Call): Answer {
  return withUpstream(call, (upstream, id) => backendAnswer(upstream, id));
}

function setIntent(call: Call, intent: Intent): Answer {
  return withUpstream(call, (upstream, id) => {
    upstream.setIntent(id, intent, call.by);
    return backendAnswer(upstream, id);
  });
}

function setWeight(call: Call): Answer {
  const weight = weightOf(call.body);
  if (weight === null) return failure(400, 'bad_weight', 'send {"weight": N} with a finite number above 0');
  return withUpstream(call, (upstream, id) => {
    upstream.setWeight(id, weight, call.by);
    return backendAnswer(upstream, id);
  });
}

function withUpstream(call: Call, then: (upstream: UpstreamControl, backendId: string) => Answer): Answer {
  const [name = '', backendId = ''] = call.params;
  const upstream = call.control.upstream(name);
  if (upstream === null) return failure(404, 'unknown_upstream', `there is no upstream ${JSON.stringify(name)}`);
  return then(upstream, backendId);
}

function backendAnswer(upstream: UpstreamControl, id: string): Answer {
  const detail = upstream.backend(id);
  if (detail === null) return failure(404, 'unknown_backend', `there is no backend ${JSON.stringify(id)}`);
  return json(200, detail);
}

/** The weight of `{"weight": N}` with nothing else in it, or null. */
function weightOf(body: unknown): number | null {
  if (typeof body !== 'object' || body === null || Object.keys(body).join() !== 'weight') return null;
  const { weight } = body as { weight: unknown };
  return typeof weight === 'number' && weight > 0 && weight < Number.POSITIVE_INFINITY ? weight : null;
}
