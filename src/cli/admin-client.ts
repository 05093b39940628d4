/**
 * What the commands that talk to a running Pulsegate share: their options, the HTTP client, and failures as one clear
 * line. One client serves one command; it leaves no connection behind.
 */

import { parseArgs } from 'node:util';
import { Agent } from 'undici';
import type { Problem } from '../config/problem.ts';
import { didYouMean } from '../config/suggest.ts';
import { StartError, UsageError } from '../model/errors.ts';
import type { BackendDetail, HealthReport } from '../model/report.ts';
import type { CommandContext } from './context.ts';

const DEFAULT_URL = 'http://127.0.0.1:8081';
const WHERE_IT_IS = "The admin API is at the configuration's admin.bind, by default http://127.0.0.1:8081.";
const TIMEOUT_MS = 5_000;

/** A reload resolves names, reads certificates and binds addresses before it answers. */
const RELOAD_TIMEOUT_MS = 60_000;

/** Three of the comments by which an event stream shows that it lives. */
const STREAM_TIMEOUT_MS = 45_000;
const MAX_ANSWER_BYTES = 64 * 1_024 * 1_024;

export interface AdminClient {
  health(): Promise<HealthReport>;
  backend(target: Target): Promise<BackendDetail>;
  /** @param action the last path segment: `drain`, `weight` */
  change(method: 'POST' | 'PUT', target: Target, action: string, body: object): Promise<BackendDetail>;
  /** The new generation, or why there is none. */
  reload(): Promise<Reloaded>;
  /**
   * The text of `/events` after the event `since`, as it comes: to the end of what is kept or, with `follow`, until it
   * breaks. Reading it throws StartError then.
   */
  events(since: number, follow: boolean, stop: AbortSignal | null): Promise<AsyncIterable<string>>;
}

export type Reloaded =
  | { readonly ok: true; readonly generation: number }
  | { readonly ok: false; readonly message: string; readonly problems: readonly Problem[] };

/** A backend as people name it: `upstream/backend`. */
export interface Target {
  readonly upstream: string;
  readonly backend: string;
}

export interface AdminArguments {
  readonly positionals: readonly string[];
  /** Whether the flag `--name` was given. */
  has(name: string): boolean;
}

/**
 * Reads `--admin URL`, the command's own flags and its positional arguments, and runs `command` with a client.
 * Throws UsageError for wrong arguments and StartError when the admin API cannot be used.
 */
export async function withAdmin(
  args: readonly string[],
  context: CommandContext,
  flags: readonly string[],
  command: (admin: AdminClient, parsed: AdminArguments) => Promise<number>,
): Promise<number> {
  const { values, positionals } = parse(args, flags);
  const url = adminUrl(typeof values.admin === 'string' ? values.admin : (context.env.PULSEGATE_ADMIN ?? DEFAULT_URL));
  const agent = new Agent({
    connect: { timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: MAX_ANSWER_BYTES,
  });
  try {
    const admin = createClient(url, context.env.PULSEGATE_ADMIN_TOKEN, agent);
    return await command(admin, { positionals, has: (name) => values[name] === true });
  } finally {
    await agent.destroy();
  }
}

/** The upstream's name ends at the first `/`. */
export function parseTarget(text: string | undefined): Target {
  const slash = text?.indexOf('/') ?? -1;
  if (text === undefined || slash < 1 || slash === text.length - 1) {
    throw new UsageError(`Cannot tell the backend: expected UPSTREAM/BACKEND, received ${JSON.stringify(text ?? '')}.`);
  }
  return { upstream: text.slice(0, slash), backend: text.slice(slash + 1) };
}

/** Text from the network without control characters, which a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}

function parse(args: readonly string[], flags: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean' }> = { admin: { type: 'string' } };
  for (const flag of flags) options[flag] = { type: 'boolean' };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function adminUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`Cannot use the admin address: expected an http:// URL, received ${JSON.stringify(text)}.`);
  }
  return url;
}

function createClient(url: URL, token: string | undefined, agent: Agent): AdminClient {
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};

  async function call(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body?: object,
    headersTimeout = TIMEOUT_MS,
  ): Promise<Reply> {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    try {
      const answer = await agent.request({
        origin: url.origin,
        path,
        method,
        headers: { ...authorization, ...type },
        body: body === undefined ? null : JSON.stringify(body),
        headersTimeout,
      });
      return replyOf(answer.statusCode, await answer.body.text());
    } catch (error) {
      throw unreachable(error);
    }
  }

  async function events(since: number, follow: boolean, signal: AbortSignal | null): Promise<AsyncIterable<string>> {
    const answer = await agent
      .request({
        origin: url.origin,
        path: `/events?since=${since}&follow=${follow}`,
        method: 'GET',
        headers: authorization,
        bodyTimeout: STREAM_TIMEOUT_MS,
        signal,
      })
      .catch((error: unknown) => {
        throw unreachable(error);
      });
    const isStream =
      answer.statusCode === 200 && String(answer.headers['content-type']).startsWith('text/event-stream');
    if (!isStream) throw refusal(replyOf(answer.statusCode, await answer.body.text()));
    return textOf(answer.body.setEncoding('utf8'));
  }

  async function* textOf(body: AsyncIterable<string>): AsyncGenerator<string> {
    try {
      yield* body;
    } catch (error) {
      throw unreachable(error);
    }
  }

  function refusal(reply: Reply): StartError {
    return refusalOf(reply, url, token !== undefined && token !== '');
  }

  function unreachable(error: unknown): StartError {
    return new StartError(`Cannot reach the admin API at ${url.origin}: ${causeOf(error)}`);
  }

  async function health(): Promise<HealthReport> {
    const reply = await call('GET', '/health');
    // 503 is an answer too: an upstream without an available backend.
    if (reply.kind === 'answer' && 'upstreams' in reply.value) return reply.value as unknown as HealthReport;
    throw refusal(reply);
  }

  async function detail(target: Target, reply: Reply): Promise<BackendDetail> {
    if (reply.kind === 'answer' && 'evidence' in reply.value) return reply.value as unknown as BackendDetail;
    if (reply.kind === 'refusal' && (reply.code === 'unknown_upstream' || reply.code === 'unknown_backend')) {
      throw unknownTarget(target, await health());
    }
    throw refusal(reply);
  }

  async function reload(): Promise<Reloaded> {
    const reply = await call('POST', '/config/reload', {}, RELOAD_TIMEOUT_MS);
    if (reply.kind === 'answer' && 'generation' in reply.value) {
      return { ok: true, generation: Number(reply.value.generation) };
    }
    if (reply.kind !== 'refusal' || reply.status !== 422) throw refusal(reply);
    return { ok: false, message: reply.message, problems: problemsIn(reply.value) };
  }

  return {
    health,
    events,
    reload,
    backend: async (target) =>
      detail(
        target,
        await call('GET', `/health/${encodeURIComponent(target.upstream)}/${encodeURIComponent(target.backend)}`),
      ),
    change: async (method, target, action, body) => {
      const path = `/upstreams/${encodeURIComponent(target.upstream)}/backends/${encodeURIComponent(target.backend)}/${action}`;
      return detail(target, await call(method, path, body));
    },
  };
}

type Reply =
  | { readonly kind: 'answer'; readonly value: object }
  | {
      readonly kind: 'refusal';
      readonly status: number;
      readonly code: string;
      readonly message: string;
      readonly value: object;
    }
  | { readonly kind: 'foreign' };

/** What an answer is, judged by its JSON: anything that does not speak the contract comes from some other program. */
function replyOf(status: number, text: string): Reply {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'foreign' };
  }
  if (typeof value !== 'object' || value === null) return { kind: 'foreign' };
  const { error, message } = value as { error?: unknown; message?: unknown };
  if (typeof error !== 'string') return { kind: 'answer', value };
  return { kind: 'refusal', status, code: error, message: typeof message === 'string' ? message : error, value };
}

/** What a refused reload lists, as far as it has the form of problems. */
function problemsIn(value: { readonly problems?: unknown }): Problem[] {
  if (!Array.isArray(value.problems)) return [];
  return value.problems.filter(
    (each: Partial<Problem> | null): each is Problem =>
      typeof each?.file === 'string' &&
      typeof each.line === 'number' &&
      typeof each.column === 'number' &&
      typeof each.path === 'string' &&
      typeof each.message === 'string',
  );
}

function refusalOf(reply: Reply, url: URL, hasToken: boolean): StartError {
  // Only the proxy's own answers to requests carry an id.
  if (reply.kind === 'refusal' && 'request_id' in reply.value) {
    return new StartError(`Cannot use ${url.origin}: it is a listener for requests. ${WHERE_IT_IS}`);
  }
  if (reply.kind !== 'refusal') {
    return new StartError(`Cannot use ${url.origin}: what answers there is no admin API of Pulsegate. ${WHERE_IT_IS}`);
  }
  if (reply.status === 401) {
    return new StartError(
      hasToken
        ? `Cannot use ${url.origin}: it refuses the token. Set PULSEGATE_ADMIN_TOKEN to the right one.`
        : `Cannot use ${url.origin}: it wants a token. Set PULSEGATE_ADMIN_TOKEN to admin.token of its configuration.`,
    );
  }
  return new StartError(`Refused by ${url.origin}: ${printable(reply.message)} (${printable(reply.code)}).`);
}

function unknownTarget({ upstream, backend }: Target, report: HealthReport): StartError {
  const known = Object.entries(report.upstreams).flatMap(([name, { backends }]) =>
    backends.map(({ id }) => printable(`${name}/${id}`)),
  );
  const asked = `${upstream}/${backend}`;
  const hint = didYouMean(asked, known) || '.';
  return new StartError(`There is no backend ${JSON.stringify(asked)}${hint} There are: ${known.join(', ')}.`);
}

function causeOf(error: unknown): string {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (code === 'UND_ERR_BODY_TIMEOUT') return `nothing more came for ${STREAM_TIMEOUT_MS / 1_000} s.`;
  if (code === 'ECONNREFUSED') return 'nothing listens there. Is pulsegate running? --admin URL names another address.';
  if (code === 'EPROTO' || code?.startsWith('ERR_SSL_'))
    return 'it does not speak TLS. Write http:// instead of https://.';
  if (code?.endsWith('_TIMEOUT')) return `no answer within ${TIMEOUT_MS / 1_000} s.`;
  if (name === 'HTTPParserError' || code === 'UND_ERR_SOCKET') return 'what answers there does not speak HTTP.';
  return `${code ?? message}.`;
}
