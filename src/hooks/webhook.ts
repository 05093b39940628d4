/**
 * Posts to webhooks. A try that fails for a reason that may pass (no connection, no answer in time, 408, 425, 429, 5xx) is repeated
 * three times at most, after a pause that doubles and is jittered. Redirects are not followed: the body must not travel to where
 * nobody configured. Of an answer only the status counts; its body is read so far as to keep the connection.
 */

import { Agent } from 'undici';
import type { Rng } from '../base/rng.ts';
import { type Clock, formatDuration } from '../base/time.ts';
import type { WebhookAction } from '../model/hook.ts';
import { signatureOf } from './payload.ts';
import type { CallResult } from './result.ts';

const MAX_TRIES = 4;
const FIRST_PAUSE_MS = 500;

/** Longest that a receiver may ask us to wait by `retry-after`; it holds up what waits behind. */
const MAX_PAUSE_MS = 30_000;
const MAX_ANSWER_BYTES = 64 * 1_024;
const MAX_ANSWER_HEAD_BYTES = 16 * 1_024;
const KEEP_ALIVE_MS = 4_000;
const CONNECT_TIMEOUT_MS = 10_000;

interface Try {
  readonly ok: boolean;
  readonly detail: string;
  readonly isFinal: boolean;
  /** As the receiver asks for by `retry-after`; 0 = it does not. */
  readonly pauseMs: number;
}

export class Webhooks {
  private readonly clock: Clock;
  private readonly rng: Rng;
  private readonly userAgent: string;
  private readonly agent = new Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_ANSWER_HEAD_BYTES,
    // The time-out of a try counts from its beginning to the end of the answer; this is for connections that nobody waits for.
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  constructor(clock: Clock, rng: Rng, userAgent: string) {
    this.clock = clock;
    this.rng = rng;
    this.userAgent = userAgent;
  }

  /**
   * @param timeoutMs of each try
   * @param stop gives up when it aborts. Never rejects.
   */
  async post(action: WebhookAction, body: string, timeoutMs: number, stop: AbortSignal): Promise<CallResult> {
    for (let tries = 1; ; tries++) {
      const { ok, detail, isFinal, pauseMs } = await this.tryOnce(action, body, timeoutMs, stop);
      if (ok || isFinal || tries === MAX_TRIES || stop.aborted) return { ok, detail, tries, output: '' };
      const doubledMs = FIRST_PAUSE_MS * 2 ** (tries - 1);
      await this.pause(Math.max(doubledMs * (0.5 + this.rng.next() / 2), pauseMs), stop);
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async tryOnce(action: WebhookAction, body: string, timeoutMs: number, stop: AbortSignal): Promise<Try> {
    const ending = new AbortController();
    const end = () => ending.abort();
    stop.addEventListener('abort', end);
    let isLate = false;
    const limit = this.clock.at(this.clock.now() + timeoutMs, () => {
      isLate = true;
      ending.abort();
    });
    try {
      if (stop.aborted) return { ok: false, detail: 'given up', isFinal: true, pauseMs: 0 };
      return await this.exchange(action, body, ending.signal);
    } catch (error) {
      const late = `no answer within ${formatDuration(timeoutMs)}`;
      return { ok: false, detail: isLate ? late : describeError(error, stop), isFinal: false, pauseMs: 0 };
    } finally {
      limit.cancel();
      stop.removeEventListener('abort', end);
    }
  }

  private async exchange({ url, secret, headers }: WebhookAction, body: string, signal: AbortSignal): Promise<Try> {
    const { origin, pathname, search } = new URL(url);
    const answer = await this.agent.request({
      origin,
      path: `${pathname}${search}`,
      method: 'POST',
      headers: {
        'user-agent': this.userAgent,
        ...headers,
        'content-type': 'application/json',
        ...(secret === null ? {} : { 'x-pulsegate-signature': signatureOf(body, secret) }),
      },
      body,
      signal,
    });
    let bytes = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // Leaving the loop closes the connection.
      if (bytes > MAX_ANSWER_BYTES) break;
    }
    return judge(answer.statusCode, answer.headers['retry-after']);
  }

  private pause(ms: number, stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        stop.removeEventListener('abort', end);
        resolve();
      };
      const timer = this.clock.at(this.clock.now() + ms, end);
      stop.addEventListener('abort', end);
      if (stop.aborted) end();
    });
  }
}

function judge(status: number, retryAfter: string | string[] | undefined): Try {
  if (status >= 200 && status < 300) return { ok: true, detail: String(status), isFinal: true, pauseMs: 0 };
  if (status >= 300 && status < 400) {
    return { ok: false, detail: `${status}, and redirects are not followed`, isFinal: true, pauseMs: 0 };
  }
  const mayPass = status >= 500 || status === 408 || status === 425 || status === 429;
  const seconds = /^\d{1,6}$/.test(String(retryAfter)) ? Number(retryAfter) : 0;
  return { ok: false, detail: String(status), isFinal: !mayPass, pauseMs: Math.min(seconds * 1_000, MAX_PAUSE_MS) };
}

/** By code alone: messages name the address, which may be secret. */
function describeError(error: unknown, stop: AbortSignal): string {
  if (stop.aborted) return 'given up';
  const { code, name } = error as NodeJS.ErrnoException;
  if (code === 'UND_ERR_SOCKET') return 'the connection was closed';
  return code ?? name;
}
