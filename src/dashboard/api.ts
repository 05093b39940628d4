/**
 * The admin API as the dashboard uses it. Owns the token: in this tab's session storage and nowhere else, so closing the tab
 * forgets it. Failures are values: a sentence to show.
 */

import type { BackendDetail } from '../model/report.ts';

const TOKEN_KEY = 'pulsegate.token';

const TIMEOUT_MS = 5_000;

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

/** What an operator can do to a backend. */
export type Change =
  | { readonly kind: 'drain' | 'enable' | 'disable' }
  | { readonly kind: 'weight'; readonly weight: number };

export interface Target {
  readonly upstream: string;
  readonly backend: string;
}

export function readToken(): string {
  return sessionStorage.getItem(TOKEN_KEY) ?? '';
}

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN_KEY);
}

export function authorization(): Record<string, string> {
  const token = readToken();
  return token === '' ? {} : { authorization: `Bearer ${token}` };
}

export function fetchDetail({ upstream, backend }: Target): Promise<Result<BackendDetail>> {
  return ask('GET', `/health/${encodeURIComponent(upstream)}/${encodeURIComponent(backend)}`);
}

export function applyChange({ upstream, backend }: Target, change: Change): Promise<Result<BackendDetail>> {
  const path = `/upstreams/${encodeURIComponent(upstream)}/backends/${encodeURIComponent(backend)}/${change.kind}`;
  if (change.kind === 'weight') return ask('PUT', path, { weight: change.weight });
  return ask('POST', path, {});
}

async function ask(method: string, path: string, body?: object): Promise<Result<BackendDetail>> {
  try {
    const answer = await fetch(path, {
      method,
      headers: { ...authorization(), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const value = (await answer.json()) as BackendDetail & { readonly message?: string };
    if (answer.ok) return { ok: true, value };
    return { ok: false, message: `${answer.status}: ${value.message ?? 'refused'}` };
  } catch (error) {
    const isSlow = error instanceof DOMException && error.name === 'TimeoutError';
    return { ok: false, message: isSlow ? 'The proxy did not answer in time.' : 'The proxy cannot be reached.' };
  }
}
