/**
 * Plays one byte script against a proxy and a recording backend of its own, then asks for two things more: a follow-up
 * request on the same connection when that stays open, and always a victim's request on another connection. Each must
 * get its own answer, and the backend must have received nothing that the script does not account for.
 */

import { expect } from 'vitest';
import { headerOf, type Message, readMessage, statusOf } from '../support/message-reader.ts';
import { startProxy } from '../support/proxy.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import {
  echo,
  type RecordedConnection,
  type RecordingBackend,
  silent,
  startRecordingBackend,
} from '../support/recording-backend.ts';
import type { ExpectedAnswer, Step, WireCase } from './wire-case.ts';

/** @param trickle every byte in a segment of its own */
export async function runCase({ listener, upstream, steps }: WireCase, trickle: boolean): Promise<void> {
  const scripted = steps.some(({ kind }) => kind === 'backend-sends' || kind === 'backend-ends');
  const backend = await startRecordingBackend(scripted ? silent : echo);
  const proxy = await startProxy({ listener, upstream, backends: [backend.url] });
  const client = await connectRaw(proxy.port);
  const script = { backend, client, trickle, current: null };
  for (const step of steps) await play(step, script);
  backend.respond = echo;
  const last = steps.findLast(({ kind }) => kind === 'client-gets' || kind === 'client-is-cut');
  if (last?.kind === 'client-gets' && last.after === 'open') await probe(client, backend, 'follow-up');
  await probe(await connectRaw(proxy.port), backend, 'victim');
  expect(backend.violations).toEqual([]);
  const left = backend.connections.filter((connection) => unaccounted(connection) !== '');
  if (steps.some(({ kind }) => kind === 'backend-gets-no-request')) await expectNoRequest(left, backend);
  else expect(left.map(unaccounted)).toEqual([]);
}

/** What did arrive is the beginning of a request whose end cannot come any more. */
async function expectNoRequest(left: readonly RecordedConnection[], backend: RecordingBackend): Promise<void> {
  await backend.watch.until(
    () => left.every(({ gone }) => gone) || null,
    () => 'the backend connection of a refused request is still open',
  );
  expect(left.filter(({ parsed, accounted }) => parsed > accounted).map(unaccounted)).toEqual([]);
}

interface Script {
  readonly backend: RecordingBackend;
  readonly client: RawClient;
  readonly trickle: boolean;
  /** The backend's connection that the script speaks of. */
  current: RecordedConnection | null;
}

async function play(step: Step, script: Script): Promise<void> {
  const { backend, client } = script;
  switch (step.kind) {
    case 'client-sends':
      if (script.trickle) await client.trickle(step.bytes);
      else client.send(step.bytes);
      return;
    case 'client-ends':
      if (step.how === 'close') client.end();
      else client.reset();
      return;
    case 'client-gets':
      return checkAnswer(await client.next(step.method), step, client);
    case 'client-is-cut':
      await client.ended();
      await expect(client.next()).rejects.toThrow('inside an answer');
      return;
    case 'backend-gets':
      script.current = await account(backend, step);
      return;
    case 'backend-gets-no-request':
      return;
    case 'backend-gets-nothing':
      expect(backend.connections.map(unaccounted).join('')).toBe('');
      return;
    case 'backend-sees-close':
      await backend.watch.until(
        () => currentOf(script).gone || null,
        () => 'the backend connection is still open',
      );
      return;
    case 'backend-sends': {
      const { socket } = currentOf(script);
      const parts = script.trickle ? step.bytes : [step.bytes];
      for (const part of parts) {
        socket.write(part, 'latin1');
        if (script.trickle) await new Promise(setImmediate);
      }
      return;
    }
    case 'backend-ends':
      if (step.how === 'close') currentOf(script).socket.end();
      else currentOf(script).socket.resetAndDestroy();
  }
}

/** Waits until the next message on one of the backend's connections is exactly this one. */
function account(
  backend: RecordingBackend,
  { pattern, text }: { readonly pattern: RegExp; readonly text: string },
): Promise<RecordedConnection> {
  return backend.watch.until(
    () => {
      for (const connection of backend.connections) {
        const next = nextMessage(connection);
        if (!pattern.test(next.text)) continue;
        connection.accounted = next.end;
        return connection;
      }
      return null;
    },
    () => `the backend got ${JSON.stringify(backend.connections.map(unaccounted))}, expected ${text}`,
  );
}

/**
 * The next message on a connection that no step has spoken of: complete, or as far as it has come. How a body was cut
 * into chunks depends on how its bytes arrived, so a complete chunked body is compared as one chunk.
 */
function nextMessage({ received, accounted }: RecordedConnection): { readonly text: string; readonly end: number } {
  const message = readMessage(received, accounted, { kind: 'request' }, false);
  if (message === null) return { text: received.slice(accounted), end: received.length };
  const text = received.slice(accounted, message.end);
  if (headerOf(message, 'transfer-encoding') === null) return { text, end: message.end };
  const { body, end } = message;
  const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
  return { text: `${text.slice(0, text.indexOf('\r\n\r\n') + 4)}${chunk}0\r\n\r\n`, end };
}

function unaccounted({ received, accounted }: RecordedConnection): string {
  return received.slice(accounted);
}

function currentOf({ current }: Script): RecordedConnection {
  if (current === null) throw new Error('no `backend<` before this step');
  return current;
}

async function checkAnswer(answer: Message, expected: ExpectedAnswer, client: RawClient): Promise<void> {
  expect(statusOf(answer), JSON.stringify(answer)).toBe(expected.status);
  if (expected.code !== null) {
    const own = expected.method === 'HEAD' ? null : (JSON.parse(answer.body) as Record<string, unknown>);
    if (own !== null) expect(own).toEqual({ error: expected.code, request_id: headerOf(answer, 'x-request-id') });
    expect(headerOf(answer, 'content-type')).toBe('application/json');
    expect(headerOf(answer, 'connection')).toBe(expected.after === 'closed' ? 'close' : null);
  }
  const lines = [answer.startLine, ...answer.headers.map(([name, value]) => `${name}: ${value}`)];
  for (const line of expected.present) expect(lines).toContain(line);
  for (const name of expected.absent) expect(headerOf(answer, name), name).toBeNull();
  if (expected.body !== null) expect(answer.body).toBe(expected.body);
  if (expected.after === 'closed') expect(await client.ended()).toBe('closed');
  if (expected.after !== null) expect(client.unread()).toBe('');
}

/** A plain request, which must reach the backend once, alone on its connection, and get its own answer. */
async function probe(client: RawClient, backend: RecordingBackend, who: string): Promise<void> {
  client.send(`GET /${who} HTTP/1.1\r\nHost: ${who}.example\r\n\r\n`);
  const answer = await client.next();
  expect({ status: statusOf(answer), body: answer.body, unread: client.unread() }).toEqual({
    status: 200,
    body: `GET /${who}`,
    unread: '',
  });
  const pattern = new RegExp(`^GET /${who} HTTP/1\\.1\\r\\n(?:[!-9;-~]+: [ -~]*\\r\\n)+\\r\\n$`);
  await account(backend, { pattern, text: `the ${who}'s request alone` });
}
