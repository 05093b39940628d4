/**
 * Load that does not wait for answers: requests start on schedule, however slow the ones before are, so that a stall is
 * seen by every request that would have met it.
 */

import { Agent, request } from 'node:http';

export interface LoadResult {
  /** Status code; 0 when no whole answer came. */
  readonly status: number;
  /** What went wrong, when no whole answer came. */
  readonly error: string;
  /** Who answered. */
  readonly backend: string;
  /** Milliseconds since the epoch at which it was due. */
  readonly startedAt: number;
  readonly durationMs: number;
}

const TURN_MS = 10;

/** GETs `path` on `port` at `perSecond` for `seconds`; resolves when every request has ended. */
export async function runOpenLoop(
  port: number,
  path: string,
  perSecond: number,
  seconds: number,
): Promise<LoadResult[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const pending: Promise<LoadResult>[] = [];
  const startedAt = Date.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = Date.now() - startedAt;
      const due = Math.min(Math.floor((elapsedMs / 1_000) * perSecond), perSecond * seconds);
      while (pending.length < due) pending.push(getOnce(agent, port, `${path}?n=${pending.length}`));
      if (due < perSecond * seconds) return;
      clearInterval(timer);
      resolve();
    }, TURN_MS);
  });
  const results = await Promise.all(pending);
  agent.destroy();
  return results;
}

function getOnce(agent: Agent, port: number, path: string): Promise<LoadResult> {
  const startedAt = Date.now();
  return new Promise((resolve) => {
    const settle = (status: number, error: string, backend: string) =>
      resolve({ status, error, backend, startedAt, durationMs: Date.now() - startedAt });
    const sent = request({ agent, host: '127.0.0.1', port, path }, (response) => {
      response.resume();
      const backend = String(response.headers['x-backend'] ?? '');
      response.once('end', () => settle(response.statusCode ?? 0, '', backend));
      response.once('error', (error) => settle(0, error.message, backend));
    });
    sent.once('error', (error) => settle(0, error.message, ''));
    sent.end();
  });
}
