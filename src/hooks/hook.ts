/**
 * One hook at work: hears every event of the upstreams that alert it, decides by its pace which to tell, and tells them by its queue.
 * How each call went is a notice and a log line. Invariant: nothing here throws into whoever publishes events.
 */

import { type Clock, formatDuration, type Timer } from '../base/time.ts';
import type { LoggedEvent, NewNotice } from '../model/event.ts';
import type { HookSettings } from '../model/hook.ts';
import type { Log } from '../model/log.ts';
import type { BackendDetail } from '../model/report.ts';
import { CallQueue } from './call-queue.ts';
import { runCommand } from './command.ts';
import { type Environment, environmentOf, renderArguments, valuesOf } from './command-line.ts';
import { type Call, Pace } from './pace.ts';
import { payloadOf } from './payload.ts';
import type { CallResult } from './result.ts';
import type { Webhooks } from './webhook.ts';

export interface HookWorld {
  readonly clock: Clock;
  readonly log: Log;
  /** What `GET /health/{upstream}/{backend}` would answer now; null when there is no such backend. */
  readonly detailOf: (upstream: string, backend: string) => BackendDetail | null;
  readonly note: (notice: NewNotice) => void;
  readonly webhooks: Webhooks;
  /** Our own. */
  readonly environment: Environment;
  /** Aborts when calls under way are to be given up. */
  readonly stop: AbortSignal;
}

export class Hook {
  private readonly world: HookWorld;
  private readonly queue: CallQueue;
  private settings: HookSettings;
  private pace: Pace;
  private timer: Timer | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;

  constructor(settings: HookSettings, world: HookWorld) {
    this.world = world;
    this.settings = settings;
    this.pace = new Pace(settings);
    this.queue = new CallQueue(world.clock, (call, dropped) => this.make(call, dropped));
  }

  /** For calls that have not begun. What is held back stays so, unless when to call has changed itself. */
  configure(settings: HookSettings): void {
    const { on, minIntervalMs } = this.settings;
    this.settings = settings;
    if (minIntervalMs === settings.minIntervalMs && on.join() === settings.on.join()) return;
    this.pace = new Pace(settings);
    this.arm();
  }

  hear(event: LoggedEvent): void {
    const call = this.pace.hear(event, this.world.clock.now());
    if (call !== null) this.queue.push(call);
    this.arm();
  }

  /** Begins nothing more, and resolves once what is under way has ended. */
  async close(): Promise<void> {
    this.timer?.cancel();
    await this.queue.close();
  }

  private arm(): void {
    const { nextDueMs } = this.pace;
    if (nextDueMs === this.timerAtMs) return;
    this.timer?.cancel();
    this.timerAtMs = nextDueMs;
    if (nextDueMs === Number.POSITIVE_INFINITY) return;
    this.timer = this.world.clock.at(nextDueMs, () => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      for (const call of this.pace.due(this.world.clock.now())) this.queue.push(call);
      this.arm();
    });
  }

  private async make(call: Call, dropped: number): Promise<void> {
    const { clock, log } = this.world;
    const { name } = this.settings;
    const beganMs = clock.now();
    if (dropped > 0) log.warn({ hook: name, dropped }, `hook ${name} gave up ${dropped} calls: too many were waiting`);
    try {
      const result = await this.perform(call, dropped);
      this.tell(call, result, clock.now() - beganMs);
    } catch (error) {
      log.error({ hook: name, err: error }, `hook ${name} met a bug of ours`);
    }
  }

  private perform(call: Call, dropped: number): Promise<CallResult> {
    const { clock, detailOf, webhooks, environment: own, stop } = this.world;
    const { name, action, timeoutMs } = this.settings;
    const { event } = call;
    const isOfBackend = event.upstream !== null && event.backend !== null;
    const detail = isOfBackend ? detailOf(event.upstream, event.backend) : null;
    const sentAt = new Date(clock.wall()).toISOString();
    const input = payloadOf({ hook: name, call, detail, dropped, sentAt });
    if (action.kind === 'webhook') return webhooks.post(action, input, timeoutMs, stop);
    const [program, ...args] = action.command;
    const values = valuesOf(call, detail?.url ?? null);
    const command: [string, ...string[]] = [program, ...renderArguments(args, values)];
    const environment = environmentOf(name, call, values, own);
    return runCommand({ command, environment, input, timeoutMs, clock, stop });
  }

  private tell({ trigger, event }: Call, { ok, detail, tries, output }: CallResult, tookMs: number): void {
    const { log, note } = this.world;
    const { name } = this.settings;
    const { upstream, backend } = event;
    const often = tries > 1 ? `, ${tries} tries` : '';
    const message = `${name} ${ok ? 'done' : 'failed'} for ${trigger}: ${detail} (${formatDuration(tookMs)}${often})`;
    const fields = { hook: name, upstream, backend, event: trigger, tries, took_ms: Math.round(tookMs) };
    log[ok ? 'info' : 'warn'](output === '' ? fields : { ...fields, output }, `hook ${message}`);
    note({ kind: 'hook', upstream, backend, message });
  }
}
