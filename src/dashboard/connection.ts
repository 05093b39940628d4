/**
 * Keeps the store fed from `GET /stream`: opens it, opens it again whenever it ends or falls silent, and lets go of it while the
 * page is hidden, because a browser has six connections to a server for all of its tabs. Uses fetch, which can send the token.
 */

import { authorization, forgetToken, readToken } from './api.ts';
import { createSseDecoder } from './sse.ts';
import type { Store } from './store.ts';

/** The proxy speaks every second. After this long without a word, what is on the page is called old. */
export const STALE_MS = 3_500;

/** After this long, the connection is given up and another one tried. */
const SILENT_MS = 8_000;

/** Waits between attempts grow from the first to the second. */
const RETRY_MS = [500, 4_000] as const;

const HIDDEN_MS = 10_000;

export class Connection {
  private readonly store: Store;
  private attempt: AbortController | null = null;
  private failures = 0;
  private retryTimer = 0;
  private silenceTimer = 0;
  private hiddenTimer = 0;

  constructor(store: Store) {
    this.store = store;
  }

  start(): void {
    document.addEventListener('visibilitychange', () => this.onVisibility());
    window.addEventListener('online', () => this.reopen());
    void this.open();
  }

  /** Now, with the token that is known by now. */
  reopen(): void {
    this.close();
    this.failures = 0;
    void this.open();
  }

  private close(): void {
    clearTimeout(this.retryTimer);
    clearTimeout(this.silenceTimer);
    this.attempt?.abort();
    this.attempt = null;
  }

  private async open(): Promise<void> {
    const attempt = new AbortController();
    this.attempt = attempt;
    this.awaitWord(attempt);
    let why = 'the proxy closed the connection';
    try {
      const answer = await fetch('/stream', { headers: authorization(), cache: 'no-store', signal: attempt.signal });
      if (answer.status === 401) return this.lock(attempt);
      if (answer.ok) await this.read(answer, attempt);
      else why = `the proxy answered ${answer.status}`;
    } catch {
      why = attempt.signal.aborted ? 'the proxy is silent' : 'the proxy cannot be reached';
    }
    if (this.attempt !== attempt) return;
    clearTimeout(this.silenceTimer);
    this.store.setLink({ kind: 'lost', why });
    const [first, longest] = RETRY_MS;
    const waitMs = Math.min(first * 2 ** this.failures, longest);
    this.failures += 1;
    // Spread, so that many open pages do not come back in one moment.
    this.retryTimer = setTimeout(() => void this.open(), waitMs * (0.75 + Math.random() / 2));
  }

  private async read(answer: Response, attempt: AbortController): Promise<void> {
    const decode = createSseDecoder();
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done || this.attempt !== attempt) return;
      this.failures = 0;
      this.awaitWord(attempt);
      for (const message of decode(chunk.value)) this.store.receive(message);
    }
  }

  private awaitWord(attempt: AbortController): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => attempt.abort(), SILENT_MS);
  }

  private lock(attempt: AbortController): void {
    if (this.attempt !== attempt) return;
    const isTokenWrong = readToken() !== '';
    forgetToken();
    this.close();
    this.store.clear();
    this.store.setLink({ kind: 'locked', isTokenWrong });
  }

  private onVisibility(): void {
    clearTimeout(this.hiddenTimer);
    if (document.hidden) this.hiddenTimer = setTimeout(() => this.close(), HIDDEN_MS);
    else if (this.attempt === null && this.store.view().link.kind !== 'locked') this.reopen();
  }
}
