/**
 * What a backend imports as `pulsegate/heartbeat`: tells the proxy, again and again, that this process is well. It runs in
 * somebody else's program, so after a valid start nothing here throws, and nothing keeps that program alive.
 */

import { createHmac, randomUUID } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import type { LoadReport } from './load-report.ts';

export type HeartbeatStatus = 'up' | 'draining' | 'down';

export interface HeartbeatOptions {
  /** The receiver's origin: `http://127.0.0.1:8082`. */
  readonly to: string;
  readonly upstream: string;
  /** The backend's id in the proxy's configuration. */
  readonly backend: string;
  /** Key id and secret; without them the proxy accepts senders on its own machine only. */
  readonly key?: string | undefined;
  readonly secret?: string | undefined;
  /** Milliseconds between heartbeats until the proxy asks for another interval; 100 to 3,600,000, default 2,000. */
  readonly intervalMs?: number | undefined;
  /** Default `up`. A function is asked before every heartbeat; when it throws or rejects, the status is `down`. */
  readonly status?: HeartbeatStatus | (() => HeartbeatStatus | Promise<HeartbeatStatus>) | undefined;
  /** When the function throws, the heartbeat goes without. */
  readonly load?: LoadReport | (() => LoadReport) | undefined;
  readonly version?: string | undefined;
  readonly role?: string | undefined;
  /** Where this backend is, `http://10.0.0.7:3000`, for upstreams with `discovery: { heartbeats: true }`. */
  readonly url?: string | undefined;
  /** Its share of the traffic there, above 0; default 1. */
  readonly weight?: number | undefined;
  /** Told how every heartbeat went: for logs, or to obey the proxy's commands. */
  readonly onBeat?: ((result: BeatResult) => void) | undefined;
}

export type BeatResult =
  /** How the proxy sees this backend. */
  | { readonly ok: true; readonly state: string; readonly why: string; readonly commands: readonly string[] }
  | { readonly ok: false; readonly detail: string };

export interface HeartbeatHandle {
  /** Sends a last heartbeat that says `draining`, for at most a few seconds, and ends. Never rejects. */
  stop(): Promise<void>;
  /** Ends at once and without a word, as a crash would. */
  abandon(): void;
}

const DEFAULT_INTERVAL_MS = 2_000;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 3_600_000;
const TIMEOUT_MS = 2_000;
const MAX_REPLY_BYTES = 65_536;
/** Share by which each wait varies either way, so that a fleet does not beat in step. */
const JITTER = 0.1;
/** After failures: doubled from the first, up to the last or to the interval, whichever is longer. */
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;

/**
 * Begins at once. Throws TypeError when `to` is no http(s) URL, `upstream` or `backend` is empty, or `key` and `secret`
 * are not given together: mistakes of the program, told at its start.
 */
export function startHeartbeat(options: HeartbeatOptions): HeartbeatHandle {
  const sender = new Sender(options);
  sender.start();
  return { stop: () => sender.stop(), abandon: () => sender.abandon() };
}

interface Reply {
  readonly result: BeatResult;
  /** What the proxy asks for; null = it did not say. */
  readonly nextInMs: number | null;
}

class Sender {
  private readonly options: HeartbeatOptions;
  private readonly url: URL;
  private readonly agent: http.Agent;
  private readonly boot = randomUUID();
  private seq = 0;
  private intervalMs: number;
  private failures = 0;
  private timer: NodeJS.Timeout | null = null;
  private stopped: Promise<void> | null = null;
  /** The heartbeat on its way, or the last one. */
  private current: Promise<unknown> = Promise.resolve();

  constructor(options: HeartbeatOptions) {
    const { to, upstream, backend, key, secret, intervalMs } = options;
    this.url = new URL(`/v1/heartbeats/${encodeURIComponent(upstream)}/${encodeURIComponent(backend)}`, to);
    if (!/^https?:$/.test(this.url.protocol))
      throw new TypeError(`Cannot send heartbeats to ${to}: not an http(s) URL.`);
    if (!upstream || !backend) throw new TypeError('Cannot send heartbeats: `upstream` and `backend` must be given.');
    if (!key !== !secret) throw new TypeError('Cannot sign heartbeats: `key` and `secret` must be given together.');
    this.options = options;
    this.intervalMs = clampInterval(intervalMs) ?? DEFAULT_INTERVAL_MS;
    const agentOptions = { keepAlive: true, maxSockets: 1 };
    this.agent = this.url.protocol === 'https:' ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
  }

  start(): void {
    void this.beat();
  }

  stop(): Promise<void> {
    this.stopped ??= this.farewell();
    return this.stopped;
  }

  abandon(): void {
    this.stopped ??= Promise.resolve();
    if (this.timer !== null) clearTimeout(this.timer);
    this.agent.destroy();
  }

  private async farewell(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    await this.current;
    this.tell((await this.post('draining', true)).result);
    this.agent.destroy();
  }

  private async beat(): Promise<void> {
    const status = await this.status();
    if (this.stopped !== null) return;
    const posting = this.post(status, false);
    this.current = posting;
    const { result, nextInMs } = await posting;
    this.failures = result.ok ? 0 : this.failures + 1;
    this.intervalMs = nextInMs ?? this.intervalMs;
    this.tell(result);
    if (this.stopped !== null) return;
    this.timer = setTimeout(() => this.start(), this.waitMs());
    this.timer.unref();
  }

  private waitMs(): number {
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** (this.failures - 1), Math.max(LAST_RETRY_MS, this.intervalMs));
    return (this.failures === 0 ? this.intervalMs : retryMs) * (1 - JITTER + 2 * JITTER * Math.random());
  }

  private async status(): Promise<HeartbeatStatus> {
    const { status = 'up' } = this.options;
    try {
      return typeof status === 'function' ? await status() : status;
    } catch {
      return 'down';
    }
  }

  private load(): LoadReport | undefined {
    const { load } = this.options;
    try {
      return typeof load === 'function' ? load() : load;
    } catch {
      return undefined;
    }
  }

  private tell(result: BeatResult): void {
    try {
      this.options.onBeat?.(result);
    } catch {
      // The listener's own fault must not end the heartbeats.
    }
  }

  /** @param isLast the host program asked for it, and waits */
  private post(status: HeartbeatStatus, isLast: boolean): Promise<Reply> {
    return new Promise((resolve) => {
      const fail = (error: unknown) => resolve(failed((error as NodeJS.ErrnoException).message || String(error)));
      try {
        const body = this.body(status);
        const { request } = this.url.protocol === 'https:' ? https : http;
        const signal = AbortSignal.timeout(TIMEOUT_MS);
        const outgoing = request(this.url, { method: 'POST', agent: this.agent, headers: this.headers(body), signal });
        outgoing.on('socket', (socket) => (isLast ? socket.ref() : socket.unref()));
        outgoing.on('error', fail);
        outgoing.on('response', (response) => {
          response.on('error', fail);
          readText(response, (text) => resolve(replyOf(response.statusCode ?? 0, text)));
        });
        outgoing.end(body);
      } catch (error) {
        fail(error);
      }
    });
  }

  private body(status: HeartbeatStatus): string {
    const { upstream, backend, version, role, url, weight } = this.options;
    this.seq += 1;
    const { boot, seq } = this;
    return JSON.stringify({
      upstream,
      backend,
      boot,
      seq,
      sent_at: Date.now(),
      status,
      version,
      role,
      url,
      weight,
      load: this.load(),
    });
  }

  private headers(body: string): http.OutgoingHttpHeaders {
    const { key, secret } = this.options;
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    if (key === undefined || secret === undefined) return headers;
    const hmac = createHmac('sha256', secret).update(body).digest('hex');
    return { ...headers, 'x-pulsegate-key': key, 'x-pulsegate-signature': `sha256=${hmac}` };
  }
}

/** The text of a reply, cut where it becomes unreasonable. */
function readText(response: http.IncomingMessage, done: (text: string) => void): void {
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > MAX_REPLY_BYTES) response.destroy();
  });
  response.on('close', () => done(text));
}

function replyOf(status: number, text: string): Reply {
  try {
    const { state, why, commands, next_in_ms, error, message } = JSON.parse(text) as Record<string, unknown>;
    if (status !== 200) return failed(`${status} ${error}: ${message}`);
    const words = Array.isArray(commands) ? commands.map(String) : [];
    return {
      result: { ok: true, state: String(state), why: String(why), commands: words },
      nextInMs: clampInterval(next_in_ms),
    };
  } catch {
    return failed(`${status} from something that is no Pulsegate`);
  }
}

function failed(detail: string): Reply {
  return { result: { ok: false, detail }, nextInMs: null };
}

function clampInterval(ms: unknown): number | null {
  if (typeof ms !== 'number' || !Number.isFinite(ms)) return null;
  return Math.min(Math.max(ms, MIN_INTERVAL_MS), MAX_INTERVAL_MS);
}
