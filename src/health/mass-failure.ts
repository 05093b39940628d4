/**
 * When most of a pool seems to fail at once, we are the likelier culprit: our network, our probe, our clock. Decides whether
 * removals on soft evidence are to be held. Backends count as independent, one like the other.
 *
 *   calm ── 55 % began to fail within one interval ──► suspected ── fewer than 55 % fail, or some backend has
 *     ▲                                                    │        proven that we see well ──► calm
 *     └────────────────────────────────────────────────────┘
 *
 * The proof is good news, from any backend, after the suspicion has stood for an interval: then the failures are theirs, and
 * the removal budget takes over. Where all failed at once, the first to recover only begins another interval: the others are
 * likely to follow. While nothing succeeds at all there is no proof, and nobody is condemned.
 */

/** Kubernetes' node controller stops evicting at the same share (`unhealthy-zone-threshold`). */
export const MASS_SHARE = 0.55;
/** One failing backend is never a mass, whatever its share. */
const MIN_FAILING = 2;

export interface Suspicion {
  readonly sinceMs: number;
  /** Backends that began to fail within one interval, of so many. */
  readonly failing: number;
  readonly eligible: number;
}

export interface PoolFailure {
  /** Since when each backend has been failing on soft evidence. */
  readonly failingSinceMs: readonly number[];
  /** Backends neither draining nor disabled, the failing ones included. */
  readonly eligible: number;
  /** When any backend last passed a probe or answered a request; -infinity = never. */
  readonly lastGoodNewsMs: number;
}

export class MassFailure {
  suspicion: Suspicion | null = null;
  /** Most that failed since the suspicion began: the last to fail may do so after it. */
  private mostFailing = 0;
  /** Where all failed: when the first recovered; null before. */
  private turnedAtMs: number | null = null;
  /** When the suspicion is to be looked at again; infinity without one. */
  deadline = Number.POSITIVE_INFINITY;
  private intervalMs: number;

  /** @param intervalMs within which failures count as simultaneous: the probe interval */
  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }

  configure(intervalMs: number): void {
    this.intervalMs = intervalMs;
  }

  /** Whether a backend that has been failing since then is held rather than removed. */
  holds(failingSinceMs: number): boolean {
    return this.suspicion !== null && failingSinceMs > this.suspicion.sinceMs - this.intervalMs;
  }

  /** Looks at the pool anew. Returns the suspicion that has just ended; else null. */
  update({ failingSinceMs, eligible, lastGoodNewsMs }: PoolFailure, at: number): Suspicion | null {
    const { suspicion } = this;
    const isMass = (failing: number) => failing >= MIN_FAILING && failing >= MASS_SHARE * eligible;
    if (suspicion === null) {
      const failing = failingSinceMs.filter((sinceMs) => sinceMs > at - this.intervalMs).length;
      if (isMass(failing)) {
        this.suspicion = { sinceMs: at, failing, eligible };
        this.mostFailing = failingSinceMs.length;
        this.deadline = at + this.intervalMs;
      }
      return null;
    }
    this.mostFailing = Math.max(this.mostFailing, failingSinceMs.length);
    if (this.mustStand(suspicion, !isMass(failingSinceMs.length), lastGoodNewsMs > suspicion.sinceMs, at)) {
      if (at >= this.deadline) this.deadline = at + this.intervalMs;
      return null;
    }
    this.suspicion = null;
    this.turnedAtMs = null;
    this.deadline = Number.POSITIVE_INFINITY;
    return suspicion;
  }

  private mustStand({ eligible }: Suspicion, areFew: boolean, isProven: boolean, at: number): boolean {
    if (this.mostFailing < eligible) return !areFew && !(isProven && at >= this.deadline);
    if (this.turnedAtMs === null && (areFew || isProven)) {
      this.turnedAtMs = at;
      this.deadline = at + this.intervalMs;
    }
    return this.turnedAtMs === null || at < this.turnedAtMs + this.intervalMs;
  }
}
