/**
 * When a hook is due: at once for the first event about a subject (a backend's status, or what befalls an upstream), then nothing
 * for `minIntervalMs`. What comes meanwhile is suppressed and counted; when the time is over, the last of it is told, if it still
 * holds, so that nobody is left believing what is no longer so, and a command is not run for a backend that has recovered.
 *
 *   quiet ── event ──► call, held ── event ──► held, and one waits ── time is over ──► call, held
 *     ▲                  │ time is over             │ time is over, and it holds no longer: the count stays for the next call
 *     └──────────────────┴──────────────────────────┘
 *
 * Pure: time comes as an argument. Invariant: every event of `on` is told, waits, or is counted in the next call of its subject.
 */

import { isNotice, type LoggedEvent } from '../model/event.ts';
import type { HookTrigger } from '../model/hook.ts';

/** Counts of subjects that have gone quiet; the oldest are given up. */
const MAX_LEFT_OVER = 1_000;

/** One event to be told, by one hook. */
export interface Call {
  readonly trigger: HookTrigger;
  readonly event: LoggedEvent;
  /** What it is about: calls of the same subject are made one after the other. */
  readonly subject: string;
  /** Events about the subject that were not told since the last call. */
  readonly suppressed: number;
}

export interface PaceSettings {
  readonly on: readonly HookTrigger[];
  readonly minIntervalMs: number;
}

interface Held {
  readonly untilMs: number;
  suppressed: number;
  /** The last event, if the hook wants it: what is told when the time is over. */
  waiting: { readonly event: LoggedEvent; readonly trigger: HookTrigger } | null;
}

export class Pace {
  private readonly settings: PaceSettings;
  private readonly wanted: ReadonlySet<HookTrigger>;
  /** In the order in which their time is over. */
  private readonly held = new Map<string, Held>();
  /** Counts that the next call about a subject takes along. */
  private readonly leftOver = new Map<string, number>();

  constructor(settings: PaceSettings) {
    this.settings = settings;
    this.wanted = new Set(settings.on);
  }

  /** @param event of any kind: one that the hook does not want may end what is waiting. Returns the call that is due now. */
  hear(event: LoggedEvent, at: number): Call | null {
    const trigger = triggerOf(event);
    if (trigger === null) return null;
    const subject = subjectOf(event);
    const isWanted = this.wanted.has(trigger);
    const held = this.held.get(subject);
    if (held !== undefined) {
      held.waiting = isWanted ? { event, trigger } : null;
      if (isWanted) held.suppressed += 1;
      return null;
    }
    return isWanted ? this.call(event, trigger, subject, this.takeLeftOver(subject), at) : null;
  }

  /** The calls that are due because time has passed. */
  due(at: number): Call[] {
    const calls: Call[] = [];
    for (const [subject, { untilMs, suppressed, waiting }] of this.held) {
      if (untilMs > at) break;
      this.held.delete(subject);
      if (waiting !== null) calls.push(this.call(waiting.event, waiting.trigger, subject, suppressed - 1, at));
      else if (suppressed > 0) this.leave(subject, suppressed);
    }
    return calls;
  }

  /** When `due` is to be asked next; infinity = not before another event. */
  get nextDueMs(): number {
    const [first] = this.held.values();
    return first?.untilMs ?? Number.POSITIVE_INFINITY;
  }

  private call(event: LoggedEvent, trigger: HookTrigger, subject: string, suppressed: number, at: number): Call {
    const { minIntervalMs } = this.settings;
    if (minIntervalMs > 0) this.held.set(subject, { untilMs: at + minIntervalMs, suppressed: 0, waiting: null });
    return { trigger, event, subject, suppressed };
  }

  private takeLeftOver(subject: string): number {
    const count = this.leftOver.get(subject) ?? 0;
    this.leftOver.delete(subject);
    return count;
  }

  private leave(subject: string, suppressed: number): void {
    this.leftOver.set(subject, suppressed);
    if (this.leftOver.size <= MAX_LEFT_OVER) return;
    const [oldest] = this.leftOver.keys();
    if (oldest !== undefined) this.leftOver.delete(oldest);
  }
}

/** null = hooks cannot ask for it: what hooks themselves do, reloads, workers. */
export function triggerOf(event: LoggedEvent): HookTrigger | null {
  if (!isNotice(event)) return event.to;
  switch (event.kind) {
    case 'panic':
    case 'panic_end':
    case 'mass_failure':
    case 'mass_failure_end':
      return event.kind;
    default:
      return null;
  }
}

/** Names contain no space. An end is about the same thing as its beginning. */
function subjectOf(event: LoggedEvent): string {
  if (!isNotice(event)) return `${event.upstream} ${event.backend}`;
  return `${event.upstream}  ${event.kind.replace(/_end$/, '')}`;
}
