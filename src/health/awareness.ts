/**
 * How far we trust ourselves (Lifeguard, arXiv 1707.00788): a score from 0, well, to 7, that rises when our own timers come late
 * and falls while they come in time. Whoever waits for an answer waits `score + 1` times as long, because the answer may be here
 * and we too busy to read it.
 */

const MAX_SCORE = 7;
/** A timer that comes later than this is late; each doubling beyond it weighs one more. */
const LATE_MS = 100;
/** Timers in time, in a row, for which a point is taken back. */
const CALM_TICKS = 10;

export class Awareness {
  /** 0 to 7. */
  score = 0;
  private calmTicks = 0;

  /** What our own timeouts are multiplied with: 1 to 8. */
  get stretch(): number {
    return this.score + 1;
  }

  /** A timer has fired. @param latenessMs >= 0 */
  observe(latenessMs: number): void {
    if (latenessMs >= LATE_MS) {
      this.calmTicks = 0;
      this.adjust(1 + Math.floor(Math.log2(latenessMs / LATE_MS)));
      return;
    }
    this.calmTicks += 1;
    if (this.calmTicks < CALM_TICKS) return;
    this.calmTicks = 0;
    this.adjust(-1);
  }

  private adjust(points: number): void {
    this.score = Math.min(Math.max(this.score + points, 0), MAX_SCORE);
  }
}
