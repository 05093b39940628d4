/** The feeds of all upstreams of a primary: one for each that is configured, and for those that are gone until nothing is under way there. */

import type { Clock } from '../base/time.ts';
import type { Upstream } from '../control/upstream.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { WholePool } from './messages.ts';
import { type FeedAudience, PoolFeed } from './pool-feed.ts';

export class PoolFeeds {
  /** All of them, by number. */
  readonly byNumber: ReadonlyMap<number, PoolFeed>;
  private readonly all = new Map<number, PoolFeed>();
  /** Those of the configuration, by upstream. */
  private current = new Map<string, PoolFeed>();
  private lastNumber = 0;
  private readonly clock: Clock;
  private readonly audience: FeedAudience;

  constructor(clock: Clock, audience: FeedAudience) {
    this.clock = clock;
    this.audience = audience;
    this.byNumber = this.all;
  }

  /** The upstreams that are configured from now on. */
  configure(upstreams: readonly UpstreamSettings[], upstreamOf: (name: string) => Upstream | null): void {
    const before = this.current;
    this.current = new Map();
    for (const { name } of upstreams) {
      const upstream = upstreamOf(name) as Upstream;
      const known = before.get(name);
      const isSame = known?.upstream === upstream;
      const feed = isSame ? known : new PoolFeed(++this.lastNumber, upstream, this.clock, this.audience);
      this.current.set(name, feed);
      this.all.set(feed.number, feed);
    }
    const kept = new Set(this.current.values());
    for (const feed of before.values()) if (!kept.has(feed)) feed.close();
    for (const [number, feed] of this.all) {
      if (!kept.has(feed) && feed.upstream.routed.inFlight === 0) this.all.delete(number);
    }
  }

  /** Everything, for workers that know nothing yet. */
  whole(): WholePool[] {
    return Array.from(this.current.values(), (feed) => feed.whole());
  }

  /** Who is there to be told has changed. */
  refresh(): void {
    for (const feed of this.current.values()) feed.refresh();
  }

  close(): void {
    for (const feed of this.current.values()) feed.close();
  }
}
