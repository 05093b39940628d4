/**
 * `events [--follow] [--json]`: what is kept of the transitions and notices, one line each; then, with --follow, each new one as it comes.
 * Following outlives the proxy: it comes back with the last id it has seen, so that nothing that is still kept is missed.
 */

import type { Clock } from '../base/time.ts';
import { StartError, UsageError } from '../model/errors.ts';
import { isNotice, type LoggedEvent } from '../model/event.ts';
import { type AdminClient, printable, withAdmin } from './admin-client.ts';
import type { Command, CommandContext } from './context.ts';

const RECONNECT_MS = 1_000;

/** Far longer than any event: a longer line comes from some other program. */
const MAX_LINE_CHARACTERS = 1_024 * 1_024;

export const eventsCommand: Command = (args, context) =>
  withAdmin(args, context, ['follow', 'json'], async (admin, parsed) => {
    if (parsed.positionals.length > 0)
      throw new UsageError(`events takes no ${JSON.stringify(parsed.positionals[0])}.`);
    const print = (event: LoggedEvent) =>
      context.out(parsed.has('json') ? `${JSON.stringify(event)}\n` : `${eventLine(event)}\n`);
    if (parsed.has('follow')) await follow(admin, context, print);
    else for await (const event of eventsIn(await admin.events(0, false, null))) print(event);
    return 0;
  });

/**
 * `2026-11-21T02:00:00.000Z  app/b  up -> down: 3 probes failed in a row, last: connect ECONNREFUSED`, or of a notice
 * `2026-11-21T02:00:00.000Z  app  panic: 1 of 4 backends is available`; `-` stands for no single upstream.
 */
export function eventLine(event: LoggedEvent): string {
  if (!isNotice(event)) {
    const { at, upstream, backend, from, to, reason } = event;
    return printable(`${at}  ${upstream}/${backend}  ${from} -> ${to}: ${reason}`);
  }
  const { at, upstream, backend, kind, message } = event;
  const subject = backend === null ? (upstream ?? '-') : `${upstream}/${backend}`;
  return printable(`${at}  ${subject}  ${kind}: ${message}`);
}

/** Until a stop signal. Throws StartError when not even the first connection succeeds. */
async function follow(
  admin: AdminClient,
  { clock, err, onStopSignal }: CommandContext,
  print: (event: LoggedEvent) => void,
): Promise<void> {
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  let lastId = 0;
  let wasConnected = false;
  let isConnected = false;
  while (!stop.signal.aborted) {
    try {
      const chunks = await admin.events(lastId, true, stop.signal);
      wasConnected = true;
      isConnected = true;
      for await (const event of eventsIn(chunks)) {
        lastId = event.id;
        print(event);
      }
    } catch (error) {
      if (stop.signal.aborted) return;
      if (!wasConnected || !(error instanceof StartError)) throw error;
      if (isConnected) err(`${error.message} Trying again until stopped.\n`);
      isConnected = false;
    }
    await pause(clock, stop.signal);
  }
}

/** The events of a stream; comments and other fields pass unseen. Throws StartError for what no Pulsegate would send. */
async function* eventsIn(chunks: AsyncIterable<string>): AsyncGenerator<LoggedEvent> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARACTERS) throw new StartError('Cannot read the events: a line has no end.');
    for (const line of lines) if (line.startsWith('data: ')) yield parseEvent(line.slice('data: '.length));
  }
}

function parseEvent(text: string): LoggedEvent {
  try {
    return JSON.parse(text) as LoggedEvent;
  } catch {
    throw new StartError('Cannot read the events: one of them is not JSON.');
  }
}

function pause(clock: Clock, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.at(clock.now() + RECONNECT_MS, resolve);
    stop.addEventListener('abort', () => {
      timer.cancel();
      resolve();
    });
  });
}
