/**
 * What is remembered of every sender, so that a heartbeat counts once and nobody floods us: the process that speaks now
 * (its boot and highest sequence number), the ones before it, and the rate. Call it only with authenticated heartbeats
 * for backends that exist; memory is then bounded by the fleet, and by MAX_SENDERS whatever the fleet.
 *
 * A signed heartbeat is fresh for as long as the replay window, so a boot needs remembering for that long only.
 */

import type { HeartbeatMessage } from './heartbeat-wire.ts';

/** Beyond it the sender that joined first is forgotten. */
const MAX_SENDERS = 65_536;

/** One restart a second for the whole replay window. */
const MAX_PAST_BOOTS = 64;

/** Heartbeats per second and backend, evenly or in one burst a second. */
const RATE_PER_SECOND = 50;
const SPACING_MS = 1_000 / RATE_PER_SECOND;

interface Sender {
  boot: string;
  seq: number;
  /** The latest `sent_at` of any boot. */
  sentAtMs: number;
  readonly pastBoots: string[];
  /** When the heartbeats so far would have ended, had they come evenly spaced: the generic cell rate algorithm. */
  paidUntilMs: number;
}

export class HeartbeatSenders {
  private readonly senders = new Map<string, Sender>();

  /**
   * Why this heartbeat of `sender` must not count, or null; changes nothing.
   * A process that we have not seen must not have spoken before the present one did: else a message of an old process,
   * held back and delivered late, would displace the living one for good.
   */
  objection(sender: string, { heartbeat, sentAtMs }: HeartbeatMessage, at: number): 'replayed' | 'rate_limited' | null {
    const known = this.senders.get(sender);
    if (known === undefined) return null;
    // Replays are refused first: they must not use up the rate of the sender that they imitate.
    if (heartbeat.boot === known.boot) {
      if (heartbeat.seq <= known.seq) return 'replayed';
    } else if (known.pastBoots.includes(heartbeat.boot) || (sentAtMs !== null && sentAtMs < known.sentAtMs)) {
      return 'replayed';
    }
    return known.paidUntilMs - at > 1_000 - SPACING_MS ? 'rate_limited' : null;
  }

  /** The heartbeat counts. */
  accept(sender: string, { heartbeat, sentAtMs }: HeartbeatMessage, at: number): void {
    const known = this.senders.get(sender) ?? this.add(sender, heartbeat.boot);
    if (heartbeat.boot !== known.boot) {
      known.pastBoots.push(known.boot);
      if (known.pastBoots.length > MAX_PAST_BOOTS) known.pastBoots.shift();
      known.boot = heartbeat.boot;
    }
    known.seq = heartbeat.seq;
    known.sentAtMs = Math.max(known.sentAtMs, sentAtMs ?? 0);
    known.paidUntilMs = Math.max(known.paidUntilMs, at) + SPACING_MS;
  }

  private add(name: string, boot: string): Sender {
    if (this.senders.size >= MAX_SENDERS) {
      const [oldest] = this.senders.keys();
      this.senders.delete(oldest as string);
    }
    const sender: Sender = { boot, seq: -1, sentAtMs: 0, pastBoots: [], paidUntilMs: 0 };
    this.senders.set(name, sender);
    return sender;
  }
}
