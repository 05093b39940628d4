/**
 * What deadlines are worth after we stood still ourselves, stopped or starved: whoever waited for us is given the time that we
 * lost, up to a second, before anything is held to be late. At most every other time, so that a process that is always late
 * still ends what has to end.
 */

/** Later than that, we stood still. */
const STALL_MS = 200;
const MOST_MS = 1_000;

export class Grace {
  private untilMs = -Infinity;
  private isSpent = false;

  /**
   * Whether deadlines count now.
   * @param lateMs by which this look at them comes late
   */
  isOver(nowMs: number, lateMs: number): boolean {
    if (nowMs < this.untilMs) return false;
    if (lateMs > STALL_MS && !this.isSpent) {
      this.isSpent = true;
      this.untilMs = nowMs + Math.min(lateMs, MOST_MS);
      return false;
    }
    this.isSpent = false;
    return true;
  }
}
