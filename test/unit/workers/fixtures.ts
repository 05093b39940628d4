/** An upstream of a primary and workers around it, in virtual time, in one process: what they say is cloned as a channel would. */

import { createRng } from '../../../src/base/rng.ts';
import { simulatedBackend, simulatedUpstream } from '../../../src/sim/settings.ts';
import type { FromWorker, PoolNews } from '../../../src/workers/messages.ts';
import { type FeedAudience, PoolFeed } from '../../../src/workers/pool-feed.ts';
import { RemotePool } from '../../../src/workers/remote-pool.ts';
import { Reporter } from '../../../src/workers/reporter.ts';
import { WorkerShare } from '../../../src/workers/worker-share.ts';
import { createUpstream } from '../control/fixtures.ts';

export { ANY } from '../control/fixtures.ts';

const POOL = 1;

/** A worker that lives in this process. */
export interface TestWorker {
  readonly number: number;
  readonly pool: RemotePool;
  readonly reporter: Reporter;
  readonly share: WorkerShare;
  /** What it has said, as it came. */
  readonly said: FromWorker[];
  /** When it last woke from standing still. */
  stallEndedMs: number;
  /** Its process is killed. */
  die(): void;
}

/** Everything that happens at the end of this turn of the event loop has happened. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

export function createFleet(
  ids: readonly string[],
  workers: number,
  overrides: Parameters<typeof createUpstream>[1] = {},
) {
  const primary = createUpstream(ids, overrides);
  const backends = ids.map((id) => simulatedBackend(id));
  const { upstream, clock } = primary;
  const members: TestWorker[] = [];
  const audience: FeedAudience = {
    get workers() {
      return members.map(({ number }) => number);
    },
    onNews: (news: PoolNews) => {
      for (const { pool } of members) pool.apply(structuredClone(news));
    },
    onHeard: (_, heard, except) => {
      for (const { number, pool } of members) if (number !== except) pool.hear(structuredClone(heard));
    },
  };
  const feed = new PoolFeed(POOL, upstream, clock, audience);
  const feeds = new Map([[POOL, feed]]);

  function join(number: number): TestWorker {
    const said: FromWorker[] = [];
    const share = new WorkerShare(number, feeds);
    const reporter: Reporter = new Reporter({
      clock,
      stallEndedMs: () => worker.stallEndedMs,
      send: (message, onSent) => {
        const cloned = structuredClone(message);
        said.push(cloned);
        if (cloned.kind === 'report') share.add(cloned);
        if (cloned.kind === 'slots') share.assign(cloned.pool, cloned.slots);
        onSent?.();
      },
      collect: (into) => pool.collect(into),
      onDropped: () => {},
      onFault: (error) => {
        throw error;
      },
    });
    const pool: RemotePool = new RemotePool({
      settings: simulatedUpstream(backends, overrides),
      whole: structuredClone(feed.whole()),
      worker: number,
      clock,
      rng: createRng(`worker ${number}`),
      teller: reporter,
    });
    const worker: TestWorker = {
      number,
      pool,
      reporter,
      share,
      said,
      stallEndedMs: Number.NEGATIVE_INFINITY,
      die: () => {
        members.splice(members.indexOf(worker), 1);
        reporter.stop();
        share.end();
      },
    };
    reporter.start();
    members.push(worker);
    feed.refresh();
    return worker;
  }

  for (let number = 1; number <= workers; number++) join(number);
  const advance = (ms: number) => clock.advanceTo(clock.now() + ms);
  /** What has happened has been told, both ways. */
  const told = async () => {
    for (let round = 0; round < 3; round++) {
      await turn();
      advance(5);
    }
    await turn();
  };
  return { ...primary, feed, members, join, advance, told };
}
