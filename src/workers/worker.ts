/**
 * A worker: a data plane whose upstreams are known from what the primary sends, and whose outcomes go there.
 *
 * When the primary has gone, the worker serves on by the last that it heard: a stale opinion of the backends is better than no
 * answer. Nobody listens to its outcomes then, and the first SIGTERM makes it finish and end. While there is a primary, signals are
 * the primary's business: a terminal and systemd send them to all processes.
 */

import type { Rng } from '../base/rng.ts';
import type { Clock, Timer } from '../base/time.ts';
import { StallWatch } from '../control/stall-watch.ts';
import { formatBind } from '../model/bind-address.ts';
import type { Change } from '../model/change.ts';
import { StartError } from '../model/errors.ts';
import type { ListenSocket } from '../model/listen-socket.ts';
import type { Log } from '../model/log.ts';
import type { BindAddress, Settings, UpstreamSettings } from '../model/settings.ts';
import type { LoopLag } from '../platform/loop-lag.ts';
import type { ParentLink } from '../platform/worker-process.ts';
import { DataPlane, type DataPlaneOptions } from '../proxy/data-plane.ts';
import type { FileWatch } from '../tls/file-watch.ts';
import type { FromPrimary, FromWorker, WholePool } from './messages.ts';
import { RemotePool } from './remote-pool.ts';
import { Reporter } from './reporter.ts';
import { BEAT_MS } from './supervised-worker.ts';
import { settingsOfOne } from './worker-settings.ts';

export interface WorkerOptions {
  readonly number: number;
  readonly link: ParentLink;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly files: FileWatch;
  readonly loopLag: LoopLag;
  /** Files that this process may have open; null = unknown. */
  readonly openFiles: number | null;
  readonly memoryUse: DataPlaneOptions['memoryUse'];
  readonly adopt: (asked: BindAddress, address: BindAddress, handle: object) => ListenSocket;
  /** They hold from now on. */
  readonly onSettings: (settings: Settings) => void;
  /** Everything is closed: the process may end. */
  readonly onOver: () => void;
}

export class Worker {
  private readonly options: WorkerOptions;
  private readonly data: DataPlane;
  private readonly reporter: Reporter;
  private readonly stalls: StallWatch;
  private stallEndedMs = Number.NEGATIVE_INFINITY;
  /** By number; those of upstreams that are gone stay while something is under way there. */
  private readonly pools = new Map<number, RemotePool>();
  private current = new Map<string, RemotePool>();
  /** Sent by the primary, and not asked for yet. */
  private received: ListenSocket[] = [];
  private pending: { readonly settings: Settings; readonly change: Change } | null = null;
  private attempt = 0;
  private settings: Settings | null = null;
  private beating: Timer | null = null;
  private phase: 'serving' | 'draining' | 'over' = 'serving';

  constructor(options: WorkerOptions) {
    const { clock, log, files, link } = options;
    this.options = options;
    this.stalls = new StallWatch(clock, (stalledMs) => {
      this.stallEndedMs = clock.now();
      log.warn({ stalled_ms: Math.round(stalledMs) }, 'this worker stood still');
    });
    this.reporter = new Reporter({
      clock,
      stallEndedMs: () => {
        this.stalls.check();
        return this.stallEndedMs;
      },
      send: (message, onSent) => link.send(message, onSent),
      collect: (into) => {
        for (const pool of this.pools.values()) pool.collect(into);
      },
      onDropped: (outcomes) => log.warn({ outcomes }, 'the primary did not listen: outcomes were lost'),
      onFault: (error) => log.error({ err: error }, 'the pool could not be projected; the last one keeps serving'),
    });
    this.data = new DataPlane({
      clock,
      log,
      files,
      sockets: { open: (asked) => this.openReceived(asked) },
      openFiles: options.openFiles,
      memoryUse: options.memoryUse,
      poolOf: (name) => (this.current.get(name) as RemotePool).routed,
    });
  }

  start(): void {
    this.stalls.start();
    this.reporter.start();
    this.beat();
  }

  hear(message: FromPrimary, handle: object | undefined): void {
    switch (message.kind) {
      case 'start':
        return;
      case 'socket':
        this.received.push(this.options.adopt(message.asked, message.address, handle as object));
        return;
      case 'prepare':
        void this.prepare(message.attempt, settingsOfOne(message.settings, message.workers));
        return;
      case 'discard':
        this.discard();
        return;
      case 'commit':
        this.commit(message.pools);
        return;
      case 'news':
        this.pools.get(message.news.pool)?.apply(message.news);
        return;
      case 'heard':
        this.pools.get(message.pool)?.hear(message.heard);
        return;
      case 'drain':
        this.drain(message.timeoutMs);
    }
  }

  /** The primary is no more. */
  outlive(): void {
    if (this.phase !== 'serving') return;
    if (this.settings === null) {
      this.end();
      return;
    }
    this.options.log.error({}, 'the primary process has gone: serving on by the last it said; SIGTERM ends it');
    this.beating?.cancel();
    this.reporter.stop();
  }

  /** Finishes what is open, for so long at most; again: at once. */
  drain(timeoutMs: number): void {
    if (this.phase !== 'serving') {
      this.end();
      return;
    }
    this.phase = 'draining';
    const { clock } = this.options;
    const untilMs = clock.now() + timeoutMs;
    clock.at(untilMs, () => this.end());
    void this.data.drain(untilMs).then(() => this.end());
  }

  /** As configured. */
  get drainTimeoutMs(): number {
    return this.settings?.drain.timeoutMs ?? 0;
  }

  private async prepare(attempt: number, settings: Settings): Promise<void> {
    this.attempt = attempt;
    try {
      const change = await this.data.prepare(settings);
      if (attempt !== this.attempt || this.phase !== 'serving') {
        change.abort();
        return;
      }
      this.pending = { settings, change };
      this.tell({ kind: 'prepared', attempt });
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.tell({ kind: 'refused', attempt, message: error.message });
    }
  }

  private discard(): void {
    this.attempt = -1;
    this.pending?.change.abort();
    this.pending = null;
    for (const socket of this.received) socket.close();
    this.received = [];
  }

  private commit(pools: readonly WholePool[]): void {
    if (this.pending === null) return;
    const { settings, change } = this.pending;
    this.pending = null;
    const before = this.current;
    this.current = new Map();
    for (const whole of pools) {
      const upstream = settings.upstreams.find(({ name }) => name === whole.name);
      if (upstream === undefined) continue;
      const known = this.pools.get(whole.pool);
      known?.configure(upstream, whole);
      this.current.set(whole.name, known ?? this.createPool(upstream, whole));
    }
    for (const pool of before.values()) {
      if (this.current.get(pool.routed.name) !== pool && pool.routed.inFlight === 0) this.pools.delete(pool.number);
    }
    this.settings = settings;
    this.options.onSettings(settings);
    change.commit();
  }

  private createPool(settings: UpstreamSettings, whole: WholePool): RemotePool {
    const { clock, rng, number: worker } = this.options;
    const teller = this.reporter;
    const pool = new RemotePool({ settings, whole, worker, clock, rng: rng.fork(settings.name), teller });
    this.pools.set(whole.pool, pool);
    return pool;
  }

  private openReceived(asked: BindAddress): Promise<ListenSocket> {
    const index = this.received.findIndex((socket) => formatBind(socket.asked) === formatBind(asked));
    const [socket] = index < 0 ? [] : this.received.splice(index, 1);
    if (socket === undefined) return Promise.reject(new StartError('a worker was not given a socket that it needs'));
    return Promise.resolve(socket);
  }

  private tell(message: FromWorker): void {
    this.options.link.send(message);
  }

  private beat(): void {
    const { clock } = this.options;
    this.sayAlive();
    this.beating = clock.at(clock.now() + BEAT_MS, () => this.beat());
  }

  private sayAlive(): void {
    const { loopLag } = this.options;
    this.tell({ kind: 'beat', lagMs: loopLag.readMs(), counts: this.data.counts() });
  }

  private end(): void {
    if (this.phase === 'over') return;
    this.phase = 'over';
    this.data.close();
    this.reporter.flush();
    // What it has counted since the last beat would be lost.
    this.sayAlive();
    this.reporter.stop();
    this.beating?.cancel();
    this.stalls.stop();
    this.options.onOver();
  }
}
