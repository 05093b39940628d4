/**
 * One worker process as its primary sees it.
 *
 *   starting ──► serving ──► draining ──► gone        any ──► gone
 *
 * It is gone when its process is no more, and in no other way. Whoever has spoken once and is silent for five seconds while we
 * ourselves ran is killed: a process that does not turn serves nobody.
 */

import type { Clock } from '../base/time.ts';
import { StartError } from '../model/errors.ts';
import type { ListenSocket } from '../model/listen-socket.ts';
import type { Log } from '../model/log.ts';
import type { Settings } from '../model/settings.ts';
import type { ChildListener, ChildProcessLink } from '../platform/worker-process.ts';
import type { FromPrimary, FromWorker, WholePool } from './messages.ts';
import type { WorkerShare } from './worker-share.ts';

/** How often a worker says that it runs. */
export const BEAT_MS = 500;
const SILENT_MS = 5_000;
/** A process says nothing until it has loaded the program, which takes a busy machine its time. */
const FIRST_WORD_MS = 30_000;

/** What a worker says of itself. */
export type Beat = Extract<FromWorker, { kind: 'beat' }>;

export type WorkerPhase = 'starting' | 'serving' | 'draining' | 'gone';

export interface SupervisedWorkerOptions {
  /** Used for no other worker before or after. */
  readonly number: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly share: WorkerShare;
  readonly start: Extract<FromPrimary, { kind: 'start' }>;
  readonly fork: (listener: ChildListener) => ChildProcessLink;
  readonly onBeat: (worker: SupervisedWorker, beat: Beat) => void;
  /** @param was what it did when it ended */
  readonly onGone: (worker: SupervisedWorker, how: string, was: WorkerPhase) => void;
}

/** Sockets by key, as the data plane counts them. */
export type Sockets = ReadonlyMap<string, ListenSocket>;

type Answer = 'ready' | 'gone' | StartError;

export class SupervisedWorker {
  readonly number: number;
  readonly startedMs: number;
  phase: WorkerPhase = 'starting';
  /** Null until the first. */
  beat: Beat | null = null;
  /** Resolves when its process is no more. */
  readonly gone: Promise<void>;
  private readonly options: SupervisedWorkerOptions;
  private readonly link: ChildProcessLink;
  private heardMs: number;
  private attempt = 0;
  private answer: ((answer: Answer) => void) | null = null;
  /** Keys of the sockets that it has, as far as it has committed to them. */
  private has: ReadonlySet<string> = new Set();
  private wants: ReadonlySet<string> = new Set();
  private onGone: () => void = () => {};

  constructor(options: SupervisedWorkerOptions) {
    this.options = options;
    this.number = options.number;
    this.startedMs = options.clock.now();
    this.heardMs = this.startedMs;
    this.gone = new Promise((resolve) => {
      this.onGone = resolve;
    });
    this.link = options.fork({
      onMessage: (message) => this.hear(message as FromWorker),
      onExit: (how) => this.end(how),
    });
    this.send(options.start);
  }

  get pid(): number {
    return this.link.pid;
  }

  send(message: FromPrimary, handle?: object): void {
    if (this.phase !== 'gone') this.link.send(message, handle);
  }

  /** Makes it ready for these settings, whatever it was made ready for before. @param workers that will serve */
  prepare(settings: Settings, sockets: Sockets, workers: number): Promise<Answer> {
    if (this.phase === 'gone') return Promise.resolve('gone');
    this.discard();
    const answer = new Promise<Answer>((resolve) => {
      this.answer = resolve;
    });
    for (const [key, { asked, address, handle }] of sockets) {
      if (!this.has.has(key)) this.send({ kind: 'socket', purpose: 'listener', asked, address }, handle);
    }
    this.wants = new Set(sockets.keys());
    this.send({ kind: 'prepare', attempt: this.attempt, settings, workers });
    return answer;
  }

  /** What was prepared last holds. */
  commit(pools: readonly WholePool[]): void {
    if (this.phase === 'starting') this.phase = 'serving';
    this.has = this.wants;
    this.send({ kind: 'commit', pools });
  }

  /** What was prepared last does not come to be. */
  discard(): void {
    this.attempt += 1;
    this.resolve('gone');
    this.send({ kind: 'discard' });
  }

  /** Finishes what it has open, for so long. */
  drain(timeoutMs: number): void {
    if (this.phase === 'gone') return;
    this.phase = 'draining';
    this.send({ kind: 'drain', timeoutMs });
  }

  kill(): void {
    if (this.phase !== 'gone') this.link.kill('SIGKILL');
  }

  /** @param wokeMs when we ourselves last stood still: what was not heard meanwhile proves nothing */
  checkSilence(nowMs: number, wokeMs: number): void {
    const silentMs = nowMs - Math.max(this.heardMs, wokeMs);
    if (this.phase === 'gone' || silentMs < (this.beat === null ? FIRST_WORD_MS : SILENT_MS)) return;
    this.options.log.error({ worker: this.number, pid: this.pid }, 'a worker stands still: it is killed and replaced');
    this.heardMs = nowMs;
    this.kill();
  }

  private hear(message: FromWorker): void {
    this.heardMs = this.options.clock.now();
    switch (message.kind) {
      case 'report':
        this.options.share.add(message);
        return;
      case 'slots':
        this.options.share.assign(message.pool, message.slots);
        return;
      case 'beat':
        this.beat = message;
        this.options.onBeat(this, message);
        return;
      case 'prepared':
        if (message.attempt === this.attempt) this.resolve('ready');
        return;
      case 'refused':
        if (message.attempt === this.attempt) this.resolve(new StartError(message.message));
    }
  }

  private resolve(answer: Answer): void {
    this.answer?.(answer);
    this.answer = null;
  }

  private end(how: string): void {
    const was = this.phase;
    this.phase = 'gone';
    this.options.share.end();
    this.resolve('gone');
    this.onGone();
    this.options.onGone(this, how, was);
  }
}
