/**
 * Transitions as server-sent events (WHATWG HTML §9.2), for `GET /events`, and notices beside them under a name of their own.
 * Owns the open streams and bounds them: their number, and how much a slow reader may leave unread before it is cut off; it
 * comes back with `Last-Event-ID`.
 */

import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../base/time.ts';
import { type EventFeed, isNotice, type LoggedEvent } from '../model/event.ts';
import { type Answer, failure, type Streamed } from './answer.ts';

export const EVENT_STREAM = 'text/event-stream';

const MAX_SUBSCRIBERS = 64;

/** Well below the time after which the server, and most proxies between, give up a silent connection. */
const HEARTBEAT_MS = 15_000;

/** More than all the events that are kept. */
const MAX_UNREAD_BYTES = 512 * 1_024;

export class EventStreams {
  private readonly feed: EventFeed;
  private readonly clock: Clock;
  /** What ends each open stream. */
  private readonly open = new Set<() => void>();

  constructor(feed: EventFeed, clock: Clock) {
    this.feed = feed;
    this.clock = clock;
  }

  /**
   * `since=ID`: begins with the kept events after that one; without it, with the next to come. `follow=false`: ends after
   * the kept ones.
   * @param lastEventId what a reader that comes back has seen; newer than the `since` of its first address
   */
  answer(query: URLSearchParams, lastEventId: string | undefined): Answer | Streamed {
    const since = lastEventId ?? query.get('since');
    if (since !== null && !/^\d{1,15}$/.test(since)) {
      return failure(400, 'bad_since', "`since` and Last-Event-ID must be an event's id");
    }
    const backlog = since === null ? [] : this.feed.since(Number(since));
    const type = `${EVENT_STREAM}; charset=utf-8`;
    if (query.get('follow') === 'false') return { status: 200, type, body: backlog.map(messageOf).join('') };
    if (this.open.size >= MAX_SUBSCRIBERS) {
      return failure(503, 'too_many_subscribers', `at most ${MAX_SUBSCRIBERS} may follow at once`, {
        'retry-after': '5',
      });
    }
    return { status: 200, type, stream: (response) => this.follow(response, backlog) };
  }

  /** Ends every stream. */
  close(): void {
    for (const end of this.open) end();
  }

  private follow(response: ServerResponse, backlog: readonly LoggedEvent[]): void {
    let heartbeat: Timer;
    const write = (text: string) => {
      if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
      else response.write(text);
    };
    const arm = () => {
      heartbeat = this.clock.at(this.clock.now() + HEARTBEAT_MS, () => {
        write(': still here\n\n');
        arm();
      });
    };
    const unsubscribe = this.feed.subscribe((event) => write(messageOf(event)));
    const end = () => response.end();
    this.open.add(end);
    response.on('close', () => {
      unsubscribe();
      heartbeat.cancel();
      this.open.delete(end);
    });
    arm();
    // Written at once even without a backlog, so that the reader knows that it listens.
    write(`: events follow\n\n${backlog.map(messageOf).join('')}`);
  }
}

/** Readers that ask for no name get transitions only: a notice is a `notice`, a transition a plain message. */
function messageOf(event: LoggedEvent): string {
  return `id: ${event.id}\n${isNotice(event) ? 'event: notice\n' : ''}data: ${JSON.stringify(event)}\n\n`;
}
