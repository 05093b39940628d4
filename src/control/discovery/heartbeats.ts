/**
 * Backends that announce themselves: a heartbeat with a `url` (INTERFACE §3.2) from a backend that nobody knows adds it. The receiver
 * has checked before who sent it. Who stays silent leaves. Joins are gathered for a moment, since a fleet starts together and each
 * new set costs a look at the whole pool.
 */

import type { Timer } from '../../base/time.ts';
import type { BackendSpec } from '../../model/backend.ts';
import type { Announcement, Heartbeat, HeartbeatTarget, HeartbeatView } from '../../model/heartbeat.ts';
import type { Discovery, DiscoveryContext } from './discovery.ts';

/** An upstream has no more of them; whoever comes then is unknown. */
const MOST_BACKENDS = 10_000;
const GATHER_MS = 50;
/** Who has been silent for so many leases, and for a minute, has left. */
const SILENT_LEASES = 10;
const SHORTEST_SILENCE_MS = 60_000;

/** What a backend id may be, so that it is safe in URLs, metric labels and logs. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/;

interface Announced {
  spec: BackendSpec;
  heardMs: number;
}

export class HeartbeatDiscovery implements Discovery {
  private readonly context: DiscoveryContext;
  private readonly announced = new Map<string, Announced>();
  private gathering: Timer | null = null;
  private looking: Timer | null = null;

  constructor(context: DiscoveryContext) {
    this.context = context;
  }

  async start(): Promise<void> {
    this.watchSilence();
  }

  stop(): void {
    this.gathering?.cancel();
    this.looking?.cancel();
  }

  /** `target`, with a door for those that it does not know. */
  welcome(target: HeartbeatTarget): HeartbeatTarget {
    return {
      heartbeat: (id, heartbeat, announcement) => {
        const isAnnounced = this.announce(id, heartbeat, announcement);
        return target.heartbeat(id, heartbeat, announcement) ?? (isAnnounced ? JOINING : null);
      },
      rejectHeartbeat: (id, reason) => target.rejectHeartbeat(id, reason),
    };
  }

  /** False: it does not say where it is, or there is no room. */
  private announce(id: string, { status }: Heartbeat, announcement: Announcement | null): boolean {
    const nowMs = this.context.clock.now();
    const known = this.announced.get(id);
    if (known !== undefined) known.heardMs = nowMs;
    if (announcement === null) return known !== undefined;
    const { address, weight } = announcement;
    if (!ID.test(id)) return false;
    if (known?.spec.url === address.url && (weight === null || known.spec.weight === weight)) return true;
    if (known === undefined && (this.announced.size >= MOST_BACKENDS || status === 'down')) return false;
    const spec = { id, ...address, weight: weight ?? known?.spec.weight ?? 1, priority: 0, labels: {} };
    this.announced.set(id, { spec, heardMs: nowMs });
    this.tellSoon();
    return true;
  }

  private tellSoon(): void {
    if (this.gathering !== null) return;
    const { clock } = this.context;
    this.gathering = clock.at(clock.now() + GATHER_MS, () => {
      this.gathering = null;
      this.tell();
    });
  }

  private tell(): void {
    this.context.onFound(Array.from(this.announced.values(), ({ spec }) => spec));
  }

  private watchSilence(): void {
    const { clock, log, upstream, leaseMs } = this.context;
    const silenceMs = Math.max(SILENT_LEASES * leaseMs, SHORTEST_SILENCE_MS);
    this.looking = clock.at(clock.now() + silenceMs / SILENT_LEASES, () => {
      const nowMs = clock.now();
      const silent = [...this.announced].filter(([, { heardMs }]) => nowMs - heardMs > silenceMs);
      for (const [id] of silent) {
        this.announced.delete(id);
        log.info({ upstream, backend: id }, `backend ${id} leaves: nothing was heard of it for a long time`);
      }
      if (silent.length > 0) this.tell();
      this.watchSilence();
    });
  }
}

/** What the sender is told until its backend is in the pool. */
const JOINING: HeartbeatView = {
  state: 'starting',
  effectiveWeight: 0,
  inFlight: 0,
  nextInMs: 1_000,
  why: 'joins the pool',
  commands: [],
};
