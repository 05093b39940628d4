/**
 * Counts events of the last `lengthMs` in a ring of buckets: constant memory, no timer, exact to one bucket.
 * Time is handed in and must not decrease; after a gap of the whole length the count is 0 (I9).
 */

const BUCKETS = 10;

export class SlidingCounter {
  private readonly bucketMs: number;
  private readonly counts = new Uint32Array(BUCKETS);
  private sum = 0;
  /** Number, since the clock's origin, of the bucket that `at` falls into. */
  private current = 0;

  /** @param lengthMs > 0 */
  constructor(lengthMs: number) {
    this.bucketMs = lengthMs / BUCKETS;
  }

  add(at: number): void {
    this.advance(at);
    this.countIn(this.current);
  }

  /** An event of the past is counted with those of its time; not at all when they have left the window. */
  addLate(at: number): void {
    this.advance(at);
    const bucket = Math.floor(at / this.bucketMs);
    if (bucket > this.current - BUCKETS) this.countIn(bucket);
  }

  /** Events within the window that ends at `at`. */
  count(at: number): number {
    this.advance(at);
    return this.sum;
  }

  private countIn(bucket: number): void {
    const index = bucket % BUCKETS;
    this.counts[index] = (this.counts[index] as number) + 1;
    this.sum += 1;
  }

  private advance(at: number): void {
    const bucket = Math.floor(at / this.bucketMs);
    if (bucket <= this.current) return;
    if (bucket - this.current >= BUCKETS) {
      this.counts.fill(0);
      this.sum = 0;
    } else {
      for (let expired = this.current + 1; expired <= bucket; expired++) {
        const index = expired % BUCKETS;
        this.sum -= this.counts[index] as number;
        this.counts[index] = 0;
      }
    }
    this.current = bucket;
  }
}
