/**
 * What the page knows: the picture that the stream built up, the events, and how fresh they are. One writer (the connection), any
 * number of readers, which are told at most once per frame.
 */

import type { LoggedEvent } from '../model/event.ts';
import type { HealthPatch, HealthState, LatestEvents } from '../model/health-patch.ts';
import type { HealthReport } from '../model/report.ts';
import { applyPatch } from './apply-patch.ts';
import { History } from './history.ts';
import type { Message } from './sse.ts';

/**
 * connecting ──► live ──silence or end──► lost ──► live …
 *      └── 401 ──► locked ──token──► connecting
 */
export type Link =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'locked'; readonly isTokenWrong: boolean };

export interface View {
  readonly link: Link;
  readonly health: HealthReport | null;
  /** Oldest first. */
  readonly events: readonly LoggedEvent[];
  /** Wall clock of the proxy at the last message, in ms; 0 before the first. */
  readonly atMs: number;
  /** Since the last message, in ms. */
  readonly silentMs: number;
  /** Whether another version of the proxy answers than the one that this page came from. */
  readonly isOutdated: boolean;
}

const EVENTS_KEPT = 500;

export class Store {
  readonly history = new History();
  private link: Link = { kind: 'connecting' };
  private health: HealthReport | null = null;
  private firstVersion: string | null = null;
  private events: readonly LoggedEvent[] = [];
  private atMs = 0;
  private heardAtMs = 0;
  private readonly listeners = new Set<() => void>();
  private frame = 0;

  view(): View {
    const silentMs = this.health === null ? 0 : performance.now() - this.heardAtMs;
    const isOutdated = this.health !== null && this.health.version !== this.firstVersion;
    return { link: this.link, health: this.health, events: this.events, atMs: this.atMs, silentMs, isOutdated };
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  setLink(link: Link): void {
    this.link = link;
    this.notify();
  }

  /** Empties the page, for who no longer may see it. */
  clear(): void {
    this.health = null;
    this.events = [];
  }

  receive({ event, data }: Message): void {
    this.heardAtMs = performance.now();
    if (event === 'state') this.replace(JSON.parse(data) as HealthState);
    else if (event === 'patch') this.patch(JSON.parse(data) as HealthPatch);
    else if (event === 'events') this.append(JSON.parse(data) as LatestEvents);
    this.link = { kind: 'live' };
    this.notify();
  }

  /** Readers look again, although nothing was received: time has passed. */
  notify(): void {
    // A hidden page has no frames; it is drawn again when it shows.
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      for (const listener of this.listeners) listener();
    });
  }

  private replace({ at, health, events }: HealthState): void {
    this.atMs = at;
    this.health = health;
    this.firstVersion ??= health.version;
    this.events = events;
    this.history.take(health, at);
  }

  private patch(patch: HealthPatch): void {
    if (this.health === null) return;
    this.atMs = patch.at;
    this.health = applyPatch(this.health, patch);
    this.history.take(this.health, patch.at);
  }

  private append(latest: LatestEvents): void {
    const lastId = this.events.at(-1)?.id ?? 0;
    const added = latest.filter(({ id }) => id > lastId);
    this.events = [...this.events, ...added].slice(-EVENTS_KEPT);
    // The next patch says the same and more; a reader should not have to wait for it.
    for (const event of added) if (!('kind' in event)) this.showTransition(event);
  }

  private showTransition({ upstream: name, backend, to, reason, at }: Exclude<LoggedEvent, { kind: unknown }>): void {
    if (this.health === null || !Object.hasOwn(this.health.upstreams, name)) return;
    const index = this.health.upstreams[name]?.backends.findIndex(({ id }) => id === backend) ?? -1;
    if (index < 0) return;
    const fields = { status: to, reason, since: at };
    this.health = applyPatch(this.health, { at: this.atMs, upstreams: { [name]: { changed: [[index, fields]] } } });
  }
}
