/**
 * The state of everything as server-sent events, for `GET /stream` and the dashboards that follow it: a whole picture on arrival,
 * then once a second what has changed, and events as they happen. Owns the open streams and the last picture. Each message
 * is made and serialised once for all readers; with no reader there is no timer, no picture and no subscription.
 * Invariant: who reads too slowly holds at most one unread picture: it misses patches, gets a new picture once it has
 * caught up, and is cut off when it does not.
 */

import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../base/time.ts';
import type { LoggedEvent } from '../model/event.ts';
import type { HealthState } from '../model/health-patch.ts';
import type { AdminControl, HealthReport } from '../model/report.ts';
import { type Answer, failure, type Streamed } from './answer.ts';
import { diffHealth } from './dashboard/health-diff.ts';
import { EVENT_STREAM } from './events.ts';

const MAX_SUBSCRIBERS = 64;

const PERIOD_MS = 1_000;

/** Events of this long go together: a pool of hundreds may change within one turn of the event loop. */
const GATHER_MS = 50;

/** Events told to who arrives. */
const BACKLOG = 300;

/** Periods without reading everything before a reader is cut off. */
const MAX_UNREAD_PERIODS = 10;

interface Subscriber {
  readonly response: ServerResponse;
  /** Periods in a row that began with something unread; above 0 it has missed patches. */
  unreadPeriods: number;
}

export class StateStreams {
  private readonly control: AdminControl;
  private readonly clock: Clock;
  private readonly subscribers = new Set<Subscriber>();
  private picture: HealthReport | null = null;
  /** `picture` and the backlog as one message; null until somebody needs it. */
  private pictureText: string | null = null;
  private pending: LoggedEvent[] = [];
  private period: Timer | null = null;
  private gathering: Timer | null = null;
  private unsubscribe: () => void = () => {};

  constructor(control: AdminControl, clock: Clock) {
    this.control = control;
    this.clock = clock;
  }

  answer(): Answer | Streamed {
    if (this.subscribers.size >= MAX_SUBSCRIBERS) {
      return failure(503, 'too_many_subscribers', `at most ${MAX_SUBSCRIBERS} may follow at once`, {
        'retry-after': '5',
      });
    }
    return { status: 200, type: `${EVENT_STREAM}; charset=utf-8`, stream: (response) => this.follow(response) };
  }

  /** Ends every stream. */
  close(): void {
    for (const { response } of this.subscribers) response.end();
  }

  private follow(response: ServerResponse): void {
    if (this.subscribers.size === 0) this.begin();
    const subscriber: Subscriber = { response, unreadPeriods: 0 };
    this.subscribers.add(subscriber);
    response.on('close', () => {
      this.subscribers.delete(subscriber);
      if (this.subscribers.size === 0) this.cease();
    });
    response.write(this.wholePicture());
  }

  private begin(): void {
    this.picture = this.control.health();
    this.unsubscribe = this.control.events.subscribe((event) => this.gather(event));
    this.arm();
  }

  private cease(): void {
    this.unsubscribe();
    this.period?.cancel();
    this.gathering?.cancel();
    this.gathering = null;
    this.pending = [];
    this.picture = null;
    this.pictureText = null;
  }

  private arm(): void {
    this.period = this.clock.at(this.clock.now() + PERIOD_MS, () => {
      this.arm();
      this.tell();
    });
  }

  /** One period: everybody who keeps up gets the patch, who has caught up a whole picture. */
  private tell(): void {
    const before = this.picture as HealthReport;
    const after = this.control.health();
    this.picture = after;
    this.pictureText = null;
    const patch = diffHealth(before, after, this.clock.wall());
    const text = patch === null ? this.wholePicture() : messageOf('patch', patch);
    for (const subscriber of this.subscribers) {
      const { response } = subscriber;
      if (response.writableLength > 0) {
        subscriber.unreadPeriods += 1;
        if (subscriber.unreadPeriods > MAX_UNREAD_PERIODS) response.destroy();
      } else if (subscriber.unreadPeriods > 0) {
        subscriber.unreadPeriods = 0;
        response.write(this.wholePicture());
      } else {
        response.write(text);
      }
    }
  }

  private gather(event: LoggedEvent): void {
    this.pictureText = null;
    this.pending.push(event);
    this.gathering ??= this.clock.at(this.clock.now() + GATHER_MS, () => {
      this.gathering = null;
      const text = messageOf('events', this.pending);
      this.pending = [];
      for (const subscriber of this.subscribers) {
        // Who is behind has lost the thread; the next whole picture brings these events, too.
        if (subscriber.response.writableLength > 0) subscriber.unreadPeriods = Math.max(1, subscriber.unreadPeriods);
        if (subscriber.unreadPeriods === 0) subscriber.response.write(text);
      }
    });
  }

  private wholePicture(): string {
    this.pictureText ??= messageOf('state', this.state());
    return this.pictureText;
  }

  private state(): HealthState {
    return {
      at: this.clock.wall(),
      health: this.picture as HealthReport,
      events: this.control.events.since(0).slice(-BACKLOG),
    };
  }
}

function messageOf(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
