/** What the tests of evidence share: backends that misbehave on request, and what the proxy makes of them. */

import { type BackendProcess, type ProxyProcess, startBackendProcess, type Transition } from './processes.ts';

const POLL_MS = 25;
const PATIENCE_MS = 8_000;

export interface Behaviour {
  /** Of every `of` requests, the first `fail` get 500 at once. */
  readonly fail?: number;
  readonly of?: number;
  /** Until every other answer. */
  readonly delayMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly trailers?: Readonly<Record<string, string>>;
}

export function startBackends(ids: readonly string[]): Promise<BackendProcess[]> {
  return Promise.all(ids.map((id) => startBackendProcess(id)));
}

/** From now on it answers like this; what is not named stays. */
export async function behave({ id, port }: BackendProcess, behaviour: Behaviour): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/behaviour`, { method: 'PUT', body: JSON.stringify(behaviour) });
  if (answer.status !== 204) throw new Error(`backend ${id} does not take its behaviour: ${answer.status}`);
}

/** As the configuration names them. @param prefix tells the backends of one upstream from another's */
export function backendEntries(backends: readonly BackendProcess[], prefix = ''): object[] {
  return backends.map(({ id, port }) => ({ id: prefix + id, url: `http://127.0.0.1:${port}` }));
}

export interface BackendHealth {
  readonly status: string;
  readonly effective_weight: number;
  readonly evidence: {
    readonly probe: { readonly verdict: string; readonly consecutive: { readonly passes: number } };
    readonly heartbeat: { readonly rejected_total: number };
    readonly load: { readonly factor: number; readonly rejected_total: number };
  };
}

export function healthOf(proxy: ProxyProcess, backend: string, upstream = 'app'): Promise<BackendHealth> {
  return readAdmin(proxy, `/health/${upstream}/${backend}`) as Promise<BackendHealth>;
}

export async function readAdmin({ adminPort }: ProxyProcess, path: string): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${adminPort}${path}`)).json();
}

/** The first transition of `backend` into one of these statuses, from its entry `from` on, once there is one. */
export function transitionTo(
  proxy: ProxyProcess,
  backend: string,
  statuses: readonly string[],
  from = 0,
): Promise<Transition> {
  return proxy.watch.until(
    () =>
      proxy
        .transitions(backend)
        .slice(from)
        .find(({ to }) => statuses.includes(to)) ?? null,
    () => `${backend} went ${JSON.stringify(proxy.transitions(backend))}, never to ${statuses.join(' or ')}`,
  );
}

/** For what no log line tells: resolves with the first value of `look` that is not null. */
export async function poll<T>(look: () => Promise<T | null>, describe: () => string): Promise<T> {
  const endsAt = Date.now() + PATIENCE_MS;
  while (Date.now() < endsAt) {
    const found = await look();
    if (found !== null) return found;
    await pause(POLL_MS);
  }
  throw new Error(describe());
}

/** The scenario's own schedule, not a wait for the proxy. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
