/**
 * The calls of one hook that wait for their turn. Bounded twice: so many run at once, so many wait, and beyond that the oldest is
 * given up and counted. Calls about the same subject run one after the other, so a receiver hears them in order and a command
 * never runs twice at once for one backend.
 */

import type { Clock, Timer } from '../base/time.ts';
import type { Call } from './pace.ts';

const MAX_RUNNING = 4;
const MAX_WAITING = 256;

/** @param dropped calls given up since the last one that was begun. Must not reject. */
export type RunCall = (call: Call, dropped: number) => Promise<void>;

export class CallQueue {
  private readonly clock: Clock;
  private readonly run: RunCall;
  private readonly waiting: Call[] = [];
  /** Subjects of the calls under way. */
  private readonly running = new Map<string, Promise<void>>();
  private dropped = 0;
  private timer: Timer | null = null;

  constructor(clock: Clock, run: RunCall) {
    this.clock = clock;
    this.run = run;
  }

  /** Returns at once: the call begins in a later turn at the earliest, outside of whatever caused it. */
  push(call: Call): void {
    this.waiting.push(call);
    if (this.waiting.length > MAX_WAITING) {
      this.waiting.shift();
      this.dropped += 1;
    }
    this.timer ??= this.clock.at(this.clock.now(), () => {
      this.timer = null;
      this.begin();
    });
  }

  /** Gives up what waits, and resolves once what runs has ended. */
  async close(): Promise<void> {
    this.timer?.cancel();
    this.waiting.length = 0;
    await Promise.all(this.running.values());
  }

  private begin(): void {
    while (this.running.size < MAX_RUNNING) {
      const index = this.waiting.findIndex(({ subject }) => !this.running.has(subject));
      const [call] = index === -1 ? [] : this.waiting.splice(index, 1);
      if (call === undefined) return;
      const { dropped } = this;
      this.dropped = 0;
      const ended = this.run(call, dropped).finally(() => {
        this.running.delete(call.subject);
        this.begin();
      });
      this.running.set(call.subject, ended);
    }
  }
}
