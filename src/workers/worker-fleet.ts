/**
 * The data plane of a program with workers, as the primary holds it: it binds addresses and never accepts, starts the processes
 * that do, keeps them in step with the configuration and with what is thought of the backends, and replaces those that die.
 *
 * It has the methods of `DataPlane`, so that whoever starts, reloads and stops the program need not know which of the two it holds.
 */

import type { Rng } from '../base/rng.ts';
import type { Clock, Timer } from '../base/time.ts';
import type { Upstream } from '../control/upstream.ts';
import { type DataPlaneCounts, mergeCounts, NO_COUNTS, pastOf } from '../metrics/data-plane-counts.ts';
import type { Change } from '../model/change.ts';
import { StartError } from '../model/errors.ts';
import type { NewNotice } from '../model/event.ts';
import type { ListenSocket, ListenSockets } from '../model/listen-socket.ts';
import type { Log } from '../model/log.ts';
import type { LogLevel, Settings } from '../model/settings.ts';
import type { ChildListener, ChildProcessLink } from '../platform/worker-process.ts';
import { addressesOf, type BoundListener } from '../proxy/data-plane.ts';
import type { Heard, PoolNews, WholePool } from './messages.ts';
import type { FeedAudience } from './pool-feed.ts';
import { PoolFeeds } from './pool-feeds.ts';
import { RestartBackoff } from './restart-backoff.ts';
import { BEAT_MS, type Sockets, SupervisedWorker, type WorkerPhase } from './supervised-worker.ts';
import { WorkerShare } from './worker-share.ts';

/** From so late on we stood still ourselves, and silence proves nothing. */
const LATE_MS = 200;

export interface WorkerFleetOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly sockets: ListenSockets;
  readonly upstreamOf: (name: string) => Upstream | null;
  readonly fork: (listener: ChildListener) => ChildProcessLink;
  /** How many `auto` are. */
  readonly cores: number;
  readonly logLevel: LogLevel | null;
  readonly logFormat: 'auto' | 'json' | 'pretty';
  readonly onNotice: (notice: NewNotice) => void;
}

export class WorkerFleet implements FeedAudience {
  /** In the configuration's order. */
  listeners: readonly BoundListener[] = [];
  /** Open addresses, by key. */
  sockets: Sockets = new Map();
  private readonly options: WorkerFleetOptions;
  private readonly backoff: RestartBackoff;
  private settings: Settings | null = null;
  /** Grows with every commit. */
  private commits = 0;
  private members: SupervisedWorker[] = [];
  private readonly feeds: PoolFeeds;
  /** What workers that are no more have counted. */
  private past: DataPlaneCounts = NO_COUNTS;
  private lastWorker = 0;
  private phase: 'serving' | 'draining' | 'closed' = 'serving';
  private watching: Timer | null = null;
  private wokeMs = Number.NEGATIVE_INFINITY;
  private readonly waits = new Set<Timer>();

  constructor(options: WorkerFleetOptions) {
    this.options = options;
    this.backoff = new RestartBackoff(options.rng);
    this.feeds = new PoolFeeds(options.clock, this);
  }

  /** Rejects with StartError when an address cannot be had, or a worker cannot start; nothing has changed then. */
  async prepare(settings: Settings): Promise<Change> {
    const made: ListenSocket[] = [];
    const fresh: SupervisedWorker[] = [];
    const abort = () => {
      for (const worker of this.serving) worker.discard();
      for (const worker of fresh) worker.kill();
      for (const socket of made) socket.close();
    };
    try {
      const sockets = new Map<string, ListenSocket>();
      for (const [key, asked] of addressesOf(settings.listeners)) {
        const known = this.sockets.get(key);
        const socket = known ?? (await this.options.sockets.open(asked, 'listener'));
        if (known === undefined) made.push(socket);
        sockets.set(key, socket);
      }
      const wanted = this.countFor(settings) - this.members.filter(({ phase }) => phase !== 'draining').length;
      for (let n = 0; n < wanted; n++) fresh.push(this.create());
      const ready = [...this.serving, ...fresh];
      const answers = await Promise.all(
        ready.map((worker) => worker.prepare(settings, sockets, this.countFor(settings))),
      );
      for (const answer of answers) if (answer instanceof StartError) throw answer;
      if (fresh.some(({ phase }) => phase === 'gone')) throw new StartError('Cannot start a worker process.');
      return { commit: () => this.apply(settings, sockets, fresh), abort };
    } catch (error) {
      abort();
      throw error;
    }
  }

  /** Stops accepting; resolves when every worker has gone. @param untilMs when the caller closes what is left */
  async drain(untilMs: number): Promise<void> {
    this.phase = 'draining';
    const timeoutMs = Math.max(0, untilMs - this.options.clock.now());
    for (const worker of this.members) worker.drain(timeoutMs);
    for (const socket of this.sockets.values()) socket.close();
    await Promise.all(this.members.map(({ gone }) => gone));
  }

  /** Ends everything at once. */
  close(): void {
    this.phase = 'closed';
    this.watching?.cancel();
    for (const wait of this.waits) wait.cancel();
    this.feeds.close();
    for (const worker of this.members) worker.kill();
    for (const socket of this.sockets.values()) socket.close();
  }

  /** Replaces every worker by a new one, one after the other; requests under way finish. Resolves when that is done. */
  async restart(): Promise<void> {
    for (const worker of [...this.serving]) await this.replace(worker);
  }

  /** Processes that serve. */
  get size(): number {
    return this.serving.length;
  }

  /** Of the workers, the longest that an event loop kept others waiting. */
  get worstLagMs(): number {
    return Math.max(0, ...this.serving.map(({ beat }) => beat?.lagMs ?? 0));
  }

  /** Of all workers, those that are no more included; as of their last beats. */
  counts(): DataPlaneCounts {
    return this.members.reduce((sum, { beat }) => mergeCounts(sum, beat?.counts ?? NO_COUNTS), this.past);
  }

  get pids(): readonly number[] {
    return this.serving.map(({ pid }) => pid);
  }

  // --- for feeds

  get workers(): readonly number[] {
    return this.serving.map(({ number }) => number);
  }

  onNews(news: PoolNews): void {
    for (const worker of this.carrying) worker.send({ kind: 'news', news });
  }

  onHeard(pool: number, heard: readonly Heard[], except: number | null): void {
    for (const worker of this.carrying) if (worker.number !== except) worker.send({ kind: 'heard', pool, heard });
  }

  // --- inside

  /** Who drains carries requests to its end. */
  private get carrying(): SupervisedWorker[] {
    return this.members.filter(({ phase }) => phase === 'serving' || phase === 'draining');
  }

  private get serving(): SupervisedWorker[] {
    return this.members.filter(({ phase }) => phase === 'serving');
  }

  private countFor({ workers }: Settings): number {
    return workers === 'auto' ? this.options.cores : workers;
  }

  private create(): SupervisedWorker {
    const { clock, log, fork, logLevel, logFormat } = this.options;
    const number = ++this.lastWorker;
    const worker = new SupervisedWorker({
      number,
      clock,
      log,
      share: new WorkerShare(number, this.feeds.byNumber),
      start: { kind: 'start', number, logLevel, logFormat },
      fork,
      onBeat: () => {},
      onGone: (gone, how, was) => this.onGone(gone, how, was),
    });
    this.members.push(worker);
    if (this.watching === null) this.watch();
    return worker;
  }

  private apply(settings: Settings, sockets: Sockets, fresh: readonly SupervisedWorker[]): void {
    for (const [key, socket] of this.sockets) if (!sockets.has(key)) socket.close();
    this.settings = settings;
    this.sockets = sockets;
    this.commits += 1;
    this.listeners = addressesOf(settings.listeners).map(([key, , name]) => ({
      name,
      address: (sockets.get(key) as ListenSocket).address,
    }));
    this.feeds.configure(settings.upstreams, this.options.upstreamOf);
    const pools = this.feeds.whole();
    for (const worker of [...this.serving, ...fresh]) this.commit(worker, pools);
    // The trials of a pool are given to whoever serves, which nobody did before.
    this.feeds.refresh();
    const surplus = this.serving.length - this.countFor(settings);
    for (const worker of this.serving.slice(0, Math.max(0, surplus))) worker.drain(settings.drain.timeoutMs);
  }

  private onGone(worker: SupervisedWorker, how: string, was: WorkerPhase): void {
    const { log, clock, onNotice } = this.options;
    this.members = this.members.filter((other) => other !== worker);
    this.past = mergeCounts(this.past, pastOf(worker.beat?.counts ?? NO_COUNTS));
    if (this.phase !== 'serving' || was !== 'serving') return;
    const message = `worker ${worker.number} has gone (${how}): another one takes its place`;
    log.error({ worker: worker.number, pid: worker.pid, how }, message);
    onNotice({ kind: 'worker', message });
    const waitMs = this.backoff.nextMs(clock.now() - worker.startedMs);
    this.after(waitMs, () => void this.refill());
  }

  /** Starts workers until there are as many as configured. */
  private async refill(): Promise<void> {
    if (this.phase !== 'serving' || this.settings === null) return;
    const present = this.members.filter(({ phase }) => phase === 'starting' || phase === 'serving').length;
    if (present >= this.countFor(this.settings)) return;
    const worker = this.create();
    if (await this.bringUp(worker)) return;
    worker.kill();
    const waitMs = this.backoff.nextMs(0);
    this.options.log.error({ retry_in_ms: Math.round(waitMs) }, 'a worker could not be started');
    this.after(waitMs, () => void this.refill());
  }

  /** Into service, under the settings that hold by then. False: it could not start. */
  private async bringUp(worker: SupervisedWorker): Promise<boolean> {
    let asOf = -1;
    while (asOf !== this.commits) {
      asOf = this.commits;
      const settings = this.settings as Settings;
      const answer = await worker.prepare(settings, this.sockets, this.countFor(settings));
      if (answer !== 'ready') return false;
    }
    this.commit(worker, this.feeds.whole());
    return true;
  }

  private commit(worker: SupervisedWorker, pools: readonly WholePool[]): void {
    const { number, pid, phase } = worker;
    worker.commit(pools);
    if (phase === 'starting') this.options.log.info({ worker: number, pid }, `worker ${number} serves`);
  }

  private async replace(worker: SupervisedWorker): Promise<void> {
    if (this.phase !== 'serving' || this.settings === null) return;
    const fresh = this.create();
    if (!(await this.bringUp(fresh))) {
      fresh.kill();
      return;
    }
    worker.drain(this.settings.drain.timeoutMs);
    await worker.gone;
  }

  private after(waitMs: number, action: () => void): void {
    const { clock } = this.options;
    const timer = clock.at(clock.now() + waitMs, () => {
      this.waits.delete(timer);
      action();
    });
    this.waits.add(timer);
  }

  /** Looks after the workers twice a second, and notices when it comes late itself. */
  private watch(): void {
    const { clock } = this.options;
    const dueMs = clock.now() + BEAT_MS;
    this.watching = clock.at(dueMs, () => {
      const nowMs = clock.now();
      if (nowMs - dueMs >= LATE_MS) this.wokeMs = nowMs;
      for (const worker of this.members) worker.checkSilence(nowMs, this.wokeMs);
      this.watch();
    });
  }
}
