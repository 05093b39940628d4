/**
 * One attack on one connection, then a victim on another: what the attacker got, what reached the backend on his behalf,
 * and that the victim got its own answer.
 */

import { expect } from 'vitest';
import { headerOf, statusOf } from './message-reader.ts';
import { type ProxyConfig, startProxy } from './proxy.ts';
import { connectRaw } from './raw-client.ts';
import { type RecordedRequest, type Responder, startRecordingBackend } from './recording-backend.ts';

export interface Outcome {
  /** Status of the first answer. */
  readonly status: number;
  /** That answer said that the connection closes, and it did. */
  readonly closed: boolean;
  /** Every whole request that the backend saw before the victim's. */
  readonly reached: readonly RecordedRequest[];
}

export async function attack(
  bytes: string,
  config: Omit<ProxyConfig, 'backends'> = {},
  respond?: Responder,
): Promise<Outcome> {
  const backend = await startRecordingBackend(respond);
  const proxy = await startProxy({ ...config, backends: [backend.url] });
  const attacker = await connectRaw(proxy.port);
  attacker.send(bytes);
  const answer = await attacker.next();
  const closed = headerOf(answer, 'connection') === 'close';
  if (closed) expect(await attacker.ended()).toBe('closed');
  const reached = [...backend.requests];

  const victim = await connectRaw(proxy.port);
  victim.send('GET /victim HTTP/1.1\r\nHost: victim.example\r\n\r\n');
  expect((await victim.next()).body).toBe('GET /victim');
  expect(backend.violations).toEqual([]);
  expect(backend.requests.slice(reached.length).map(({ startLine }) => startLine)).toEqual(['GET /victim HTTP/1.1']);
  return { status: statusOf(answer), closed, reached };
}

/** The attack was refused with 400 before anything of it reached a backend. */
export async function expectRefused(bytes: string, status = 400): Promise<void> {
  expect(await attack(bytes)).toEqual({ status, closed: true, reached: [] });
}
