/**
 * One upstream of the primary, as its workers hear of it: which views have changed, who is in it, and who has a trial. Tells at
 * the end of the turn in which something changes, and then waits for a moment, longer where comparing takes long.
 *
 * A trial is one worker's at a time (I3 holds over all of them): the one that was busy last, and the next one when it has not begun
 * within a second, or has gone.
 */

import type { Clock, Timer } from '../base/time.ts';
import type { Upstream } from '../control/upstream.ts';
import type { BackendSpec } from '../model/backend.ts';
import type { BackendView } from '../model/view.ts';
import type { Heard, PoolNews, TrialOwner, WholePool } from './messages.ts';

const GAP_MS = 5;
/** Comparing takes at most one part in so many of our time. */
const GAP_TIMES = 10;
/** So long may a worker leave a trial undone. */
const TRIAL_MS = 1_000;
const HEARD_MS = 100;

/** Who is there to be told. */
export interface FeedAudience {
  /** Numbers of the workers that serve. */
  readonly workers: readonly number[];
  onNews(news: PoolNews): void;
  /** @param except the worker that told it */
  onHeard(pool: number, heard: readonly Heard[], except: number | null): void;
}

interface Trial {
  owner: TrialOwner;
  sinceMs: number;
  hasBegun: boolean;
}

export class PoolFeed {
  readonly number: number;
  readonly upstream: Upstream;
  /** The worker whose request was the last one here; null = none has been. */
  busiest: number | null = null;
  /** The worker whose news are being read. */
  hearingOf: number | null = null;
  private readonly clock: Clock;
  private readonly audience: FeedAudience;
  private readonly sent = new Map<string, BackendView>();
  private members: readonly BackendSpec[] = [];
  private readonly trials = new Map<string, Trial>();
  private readonly heard = new Map<number | null, Map<string, Heard>>();
  private isScheduled = false;
  private nextMs = 0;
  private timer: Timer | null = null;
  private hearTimer: Timer | null = null;
  private trialTimer: Timer | null = null;
  private isClosed = false;

  constructor(number: number, upstream: Upstream, clock: Clock, audience: FeedAudience) {
    this.number = number;
    this.upstream = upstream;
    this.clock = clock;
    this.audience = audience;
    const { routed } = upstream;
    routed.onChange = () => this.refresh();
    routed.onHear = (id, inFlight, utilization) => this.noteHeard(id, inFlight, utilization);
    this.compare();
  }

  /** Everything, for a worker that knows nothing yet; the others hear what is new in it first. */
  whole(): WholePool {
    const news = this.compare();
    if (news !== null) this.audience.onNews(news);
    const { number, upstream, members } = this;
    return {
      pool: number,
      name: upstream.name,
      backends: members,
      views: [...this.sent.values()],
      trials: this.owners,
    };
  }

  /** A worker has begun the request that decides a trial. */
  noteBegun(backend: string, epoch: number): void {
    const trial = this.trials.get(backend);
    if (trial?.owner.epoch === epoch) trial.hasBegun = true;
  }

  /** Trials of a worker that has gone are for others. */
  release(worker: number): void {
    if (this.busiest === worker) this.busiest = null;
    for (const [id, { owner, hasBegun }] of this.trials) {
      if (owner.worker !== worker) continue;
      this.trials.delete(id);
      this.refresh();
      const backend = this.upstream.routed.backend(id);
      if (!hasBegun || backend === null) continue;
      // The request that was to decide it will not: that is nobody's fault, and another one decides.
      const place = { backend, trial: true, epoch: owner.epoch };
      this.upstream.routed.settle(place, 'local_error', 0, 'the worker has gone', false);
    }
  }

  close(): void {
    this.isClosed = true;
    this.upstream.routed.onChange = null;
    this.upstream.routed.onHear = null;
    for (const timer of [this.timer, this.hearTimer, this.trialTimer]) timer?.cancel();
  }

  /** Compares soon, and tells what differs. */
  refresh(): void {
    if (this.isScheduled || this.isClosed) return;
    this.isScheduled = true;
    if (this.clock.now() >= this.nextMs) setImmediate(this.tell);
    else this.timer = this.clock.at(this.nextMs, this.tell);
  }

  private readonly tell = (): void => {
    this.isScheduled = false;
    if (this.isClosed) return;
    const beganMs = this.clock.now();
    const news = this.compare();
    if (news !== null) this.audience.onNews(news);
    const endedMs = this.clock.now();
    this.nextMs = endedMs + Math.max(GAP_MS, GAP_TIMES * (endedMs - beganMs));
  };

  /** What differs from what was sent; null = nothing does. */
  private compare(): PoolNews | null {
    const { backends } = this.upstream.routed;
    const areSame = backends.length === this.members.length && backends.every((spec, at) => spec === this.members[at]);
    if (!areSame) {
      this.members = backends;
      const stay = new Set(backends.map(({ id }) => id));
      for (const id of this.sent.keys()) if (!stay.has(id)) this.sent.delete(id);
    }
    const { views } = this.upstream;
    const changed = views.filter((view) => !isSame(view, this.sent.get(view.id)));
    for (const view of changed) this.sent.set(view.id, view);
    const areTrialsSame = this.assign(views);
    if (areSame && areTrialsSame && changed.length === 0) return null;
    return { pool: this.number, backends: areSame ? null : backends, views: changed, trials: this.owners };
  }

  private get owners(): TrialOwner[] {
    return Array.from(this.trials.values(), ({ owner }) => owner);
  }

  /** True when all trials are whose they were. */
  private assign(views: readonly BackendView[]): boolean {
    let areSame = true;
    const nowMs = this.clock.now();
    const open = new Map(views.filter(({ status }) => status === 'trial').map((view) => [view.id, view]));
    for (const id of this.trials.keys()) if (!open.has(id)) areSame = !this.trials.delete(id) && areSame;
    for (const { id, epoch } of open.values()) {
      const known = this.trials.get(id);
      const isIdle = known !== undefined && !known.hasBegun && nowMs >= known.sinceMs + TRIAL_MS;
      if (known?.owner.epoch === epoch && !isIdle) continue;
      const worker = this.chooseOwner(isIdle ? known.owner.worker : null);
      if (worker === null) continue;
      this.trials.set(id, { owner: { backend: id, epoch, worker }, sinceMs: nowMs, hasBegun: false });
      areSame = false;
    }
    this.watchTrials(nowMs);
    return areSame;
  }

  /** @param idle who had it, and did nothing */
  private chooseOwner(idle: number | null): number | null {
    const { workers } = this.audience;
    if (idle === null) return this.busiest ?? workers[0] ?? null;
    return workers[(workers.indexOf(idle) + 1) % workers.length] ?? null;
  }

  private watchTrials(nowMs: number): void {
    this.trialTimer?.cancel();
    this.trialTimer = null;
    if (Array.from(this.trials.values()).every(({ hasBegun }) => hasBegun)) return;
    this.trialTimer = this.clock.at(nowMs + TRIAL_MS, () => this.refresh());
  }

  private noteHeard(backend: string, inFlight: number, utilization: number): void {
    const from = this.hearingOf;
    const heard = this.heard.get(from) ?? new Map<string, Heard>();
    this.heard.set(from, heard.set(backend, { backend, inFlight, utilization }));
    this.hearTimer ??= this.clock.at(this.clock.now() + HEARD_MS, () => {
      this.hearTimer = null;
      for (const [except, some] of this.heard) this.audience.onHeard(this.number, [...some.values()], except);
      this.heard.clear();
    });
  }
}

function isSame(view: BackendView, sent: BackendView | undefined): boolean {
  return (
    sent !== undefined &&
    view.status === sent.status &&
    view.factor === sent.factor &&
    view.epoch === sent.epoch &&
    view.baseWeight === sent.baseWeight &&
    view.loadFactor === sent.loadFactor &&
    view.since === sent.since &&
    view.reason === sent.reason &&
    view.failures === sent.failures &&
    view.proven === sent.proven &&
    view.hopeless === sent.hopeless &&
    view.held === sent.held &&
    view.keepsSessions === sent.keepsSessions &&
    view.role === sent.role
  );
}
