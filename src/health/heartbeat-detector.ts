/**
 * Judges one backend by the heartbeats it pushes. Two rules together: the lease, a bound that people can reason about
 * (no heartbeat for `leaseMs`: lost), and phi accrual, which suspects earlier from the rhythm that this sender keeps.
 *
 *   unknown ──beat──► alive ──suspicion──► suspect ──lease ends──► lost
 *                       ▲                     │                      │
 *                       └────────beat─────────┴─────────beat─────────┘
 *
 * Only our own monotonic clock counts. Invariant: while heartbeats are expected, last beat < suspicion < end of lease.
 */

import { formatDuration } from '../base/time.ts';
import type { Heartbeat, SelfReport } from '../model/heartbeat.ts';
import type { HeartbeatSettings } from '../model/settings.ts';
import { ArrivalWindow, elapsedAtPhi, phiOf, type Rhythm } from './phi-accrual.ts';

export type HeartbeatVerdict = 'unknown' | 'alive' | 'suspect' | 'lost';

/** What a heartbeat was: the backend's first, the next of its row, the end of a loss, or the first of a new process. */
export type BeatKind = 'first' | 'next' | 'returned' | 'rebooted';

/**
 * How long, at least, the word of a sender that said `draining` or `down` and then fell silent stands: probes have found
 * a process that exited by then, and one that came back without a sender must not be kept out for ever.
 */
const FAREWELL_MS = 60_000;

interface Unknown {
  readonly verdict: 'unknown';
}

/** A beat was heard; the deadlines count from `lastAt`. */
interface Heard {
  readonly verdict: 'alive' | 'suspect' | 'lost';
  readonly last: Heartbeat;
  /** Monotonic milliseconds; moved on by our own stalls. */
  readonly lastAt: number;
  readonly rhythm: Rhythm;
  /** Silence after which the backend is suspect; below the lease. */
  readonly suspectAfterMs: number;
  /** We stalled since: the time until the next beat says nothing about the sender. */
  readonly stalled: boolean;
}

export class HeartbeatDetector {
  private settings: HeartbeatSettings;
  private readonly window = new ArrivalWindow();
  private state: Unknown | Heard = { verdict: 'unknown' };

  constructor(settings: HeartbeatSettings) {
    this.settings = settings;
  }

  /** The lease and the rest are as these settings say, for the present silence, too. */
  configure(settings: HeartbeatSettings): void {
    this.settings = settings;
  }

  /** When its own word lapses; see FAREWELL_MS. */
  private get farewellMs(): number {
    return Math.max(FAREWELL_MS, this.settings.leaseMs);
  }

  /** As of the last `beat` or `advance`. */
  get verdict(): HeartbeatVerdict {
    return this.state.verdict;
  }

  /** The last heartbeat, whatever has become of its sender; null before the first. */
  get last(): Heartbeat | null {
    return this.state.verdict === 'unknown' ? null : this.state.last;
  }

  /** What the sender says that it is, while its lease runs; null when it says nothing of it. */
  get role(): string | null {
    const { state } = this;
    return state.verdict === 'unknown' || state.verdict === 'lost' ? null : state.last.role;
  }

  /** What the sender says of itself; null when it never spoke, or fell silent so long ago that its word lapsed. */
  selfReport(at: number): SelfReport | null {
    const { state } = this;
    if (state.verdict === 'unknown' || at - state.lastAt >= this.farewellMs) return null;
    return state.last.status;
  }

  /** Takes a heartbeat that the receiver has accepted. */
  beat(heartbeat: Heartbeat, at: number): BeatKind {
    this.advance(at);
    const kind = this.kindOf(heartbeat);
    this.learn(kind, at);
    const rhythm = this.window.rhythm();
    this.state = {
      verdict: 'alive',
      last: heartbeat,
      lastAt: at,
      rhythm,
      suspectAfterMs: this.suspectAfter(rhythm),
      stalled: false,
    };
    return kind;
  }

  /** Lets the deadlines up to `at` come; true when the verdict changed. */
  advance(at: number): boolean {
    const { state } = this;
    if (state.verdict === 'unknown') return false;
    // Compared as `nextDeadline` computes them, so that a tick at a deadline always passes it.
    const verdict =
      at >= state.lastAt + this.settings.leaseMs
        ? 'lost'
        : at >= state.lastAt + state.suspectAfterMs
          ? 'suspect'
          : 'alive';
    if (verdict === state.verdict) return false;
    this.state = { ...state, verdict };
    return true;
  }

  /** When, if no heartbeat comes, the next thing changes; Infinity when nothing will. Monotonic milliseconds, after `at`. */
  nextDeadline(at: number): number {
    const { state } = this;
    if (state.verdict === 'unknown') return Number.POSITIVE_INFINITY;
    const { lastAt, suspectAfterMs, last } = state;
    const deadlines = [lastAt + suspectAfterMs, lastAt + this.settings.leaseMs];
    if (last.status !== 'up') deadlines.push(lastAt + this.farewellMs);
    return deadlines.find((deadline) => deadline > at) ?? Number.POSITIVE_INFINITY;
  }

  /** We stalled for `stallMs` and could not listen: the silence of that time is nobody's fault. */
  shift(stallMs: number): void {
    const { state } = this;
    if (state.verdict === 'unknown' || state.verdict === 'lost') return;
    this.state = { ...state, lastAt: state.lastAt + stallMs, stalled: true };
  }

  /** Suspicion at `at`; 0 before the first heartbeat. */
  phi(at: number): number {
    return this.state.verdict === 'unknown' ? 0 : phiOf(at - this.state.lastAt, this.state.rhythm);
  }

  /** Until the lease ends; 0 once it has, null before the first heartbeat. */
  leaseRemainingMs(at: number): number | null {
    if (this.state.verdict === 'unknown') return null;
    return Math.max(0, this.state.lastAt + this.settings.leaseMs - at);
  }

  /** The numbers behind the verdict, in one clause: `silent for 2.9 s, usually 2 s ± 200 ms (phi 5.2, lease ends in 3.1 s)`. */
  explain(at: number): string {
    const { state } = this;
    if (state.verdict === 'unknown') return 'no heartbeat yet';
    const silence = `silent for ${formatDuration(Math.max(0, at - state.lastAt))}`;
    if (state.verdict === 'lost') return `${silence}, the lease was ${formatDuration(this.settings.leaseMs)}`;
    const { meanMs, deviationMs } = state.rhythm;
    const rhythm = `usually ${formatDuration(meanMs)} ± ${formatDuration(deviationMs)}`;
    const lease = `lease ends in ${formatDuration(this.leaseRemainingMs(at) ?? 0)}`;
    return `${silence}, ${rhythm} (phi ${this.phi(at).toFixed(1)}, ${lease})`;
  }

  private kindOf(heartbeat: Heartbeat): BeatKind {
    const { state } = this;
    if (state.verdict === 'unknown') return 'first';
    if (heartbeat.boot !== state.last.boot) return 'rebooted';
    return state.verdict === 'lost' ? 'returned' : 'next';
  }

  /** A new process has a rhythm of its own; a gap that was a loss, or our own stall, is part of none. */
  private learn(kind: BeatKind, at: number): void {
    const { state } = this;
    // Capped, so that the mean stays below the lease whatever the settings say.
    if (kind === 'first' || kind === 'rebooted')
      this.window.bootstrap(Math.min(this.settings.intervalMs, this.settings.leaseMs / 2));
    else if (kind === 'next' && state.verdict !== 'unknown' && !state.stalled) this.window.add(at - state.lastAt);
  }

  /**
   * phi may ask for more silence than the lease allows, where the lease is short or the rhythm ragged. Then suspicion
   * begins halfway between the mean, before which silence means nothing, and the end of the lease. Learned intervals are
   * shorter than the lease, so the mean is too.
   */
  private suspectAfter(rhythm: Rhythm): number {
    const halfwayMs = (rhythm.meanMs + this.settings.leaseMs) / 2;
    return Math.min(elapsedAtPhi(this.settings.suspectPhi, rhythm), halfwayMs);
  }
}
