/**
 * All hooks: which of them hear of which upstream, and their beginning, change and end. Assumes that events come from a feed that
 * numbers them. A hook that fails, hangs or floods costs that hook's calls, never the proxy.
 */

import { setMaxListeners } from 'node:events';
import type { Rng } from '../base/rng.ts';
import type { EventFeed, LoggedEvent } from '../model/event.ts';
import type { Settings } from '../model/settings.ts';
import { Hook, type HookWorld } from './hook.ts';
import { Webhooks } from './webhook.ts';

/** How long calls under way may take to end when we stop. */
const CLOSE_GRACE_MS = 500;

export type HookConfiguration = Pick<Settings, 'hooks' | 'upstreams'>;

export interface HooksOptions extends Omit<HookWorld, 'webhooks' | 'stop'> {
  readonly feed: Pick<EventFeed, 'subscribe'>;
  readonly rng: Rng;
  /** Of the program, for webhooks' receivers. */
  readonly version: string;
}

export class Hooks {
  private readonly options: HooksOptions;
  private readonly world: HookWorld;
  private readonly stop = new AbortController();
  private readonly unsubscribe: () => void;
  private hooks = new Map<string, Hook>();
  /** By upstream, those who hear of it. */
  private heardBy = new Map<string, readonly Hook[]>();

  constructor(configuration: HookConfiguration, options: HooksOptions) {
    const { clock, rng, version, feed } = options;
    this.options = options;
    // Every call under way listens.
    setMaxListeners(0, this.stop.signal);
    const webhooks = new Webhooks(clock, rng, `pulsegate/${version}`);
    this.world = { ...options, webhooks, stop: this.stop.signal };
    this.configure(configuration);
    this.unsubscribe = feed.subscribe((event) => this.hear(event));
  }

  /** A hook that keeps its name keeps what it has under way; one that is gone begins nothing more. */
  configure({ hooks, upstreams }: HookConfiguration): void {
    const kept = new Map<string, Hook>();
    for (const settings of hooks) {
      const known = this.hooks.get(settings.name);
      known?.configure(settings);
      kept.set(settings.name, known ?? new Hook(settings, this.world));
    }
    for (const [name, hook] of this.hooks) if (!kept.has(name)) void hook.close();
    this.hooks = kept;
    this.heardBy = new Map(
      upstreams.map(({ name, alerts }) => {
        const heard = [...kept].filter(([hook]) => alerts === null || alerts.includes(hook));
        return [name, heard.map(([, hook]) => hook)];
      }),
    );
  }

  /** Calls under way have half a second to end, and are given up then. */
  async close(): Promise<void> {
    this.unsubscribe();
    const { clock } = this.world;
    const grace = clock.at(clock.now() + CLOSE_GRACE_MS, () => this.stop.abort());
    await Promise.all(Array.from(this.hooks.values(), (hook) => hook.close()));
    grace.cancel();
    await this.world.webhooks.close();
  }

  private hear(event: LoggedEvent): void {
    if (event.upstream === null) return;
    for (const hook of this.heardBy.get(event.upstream) ?? []) {
      try {
        hook.hear(event);
      } catch (error) {
        this.options.log.error({ err: error }, 'a hook could not take an event, a bug of ours');
      }
    }
  }
}
