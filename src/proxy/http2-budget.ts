/**
 * How much mischief one HTTP/2 connection may make before it is ended: resets, malformed frames, frames that carry nothing.
 * A leaky bucket, so that what happens now and then never adds up (RFC 9113 §10.5 leaves the measure to us).
 *
 * Frames that only keep a connection going (PING, SETTINGS, PRIORITY) are paid for by answers: a client that is served may
 * measure its path as often as it likes (gRPC sends a PING with every burst of data).
 */

/** Mischief that fits into the bucket. */
const BURST = 200;
const LEAK_PER_SECOND = 20;

/** A trusted proxy speaks for many clients, and hands on what they do. */
const TRUSTED_FACTOR = 10;

/** Share of the bucket at which no new requests are taken: whoever means well begins anew elsewhere. */
const WARNING = 0.75;

/** Idle frames that may come before the first answer, and that answers may be saved up for. */
const MAX_CREDIT = 100;

export type Verdict = 'fine' | 'enough' | 'too_much';

export class Http2Budget {
  private readonly factor: number;
  private level = 0;
  private lastMs: number;
  private credit = MAX_CREDIT;

  constructor(trusted: boolean, nowMs: number) {
    this.factor = trusted ? TRUSTED_FACTOR : 1;
    this.lastMs = nowMs;
  }

  /** Something that a client in good faith does seldom. */
  spend(nowMs: number): Verdict {
    const { factor } = this;
    this.level = Math.max(0, this.level - ((nowMs - this.lastMs) / 1_000) * LEAK_PER_SECOND * factor) + 1;
    this.lastMs = nowMs;
    if (this.level >= BURST * factor) return 'too_much';
    return this.level >= BURST * factor * WARNING ? 'enough' : 'fine';
  }

  /** A frame that asks for nothing. */
  spendIdle(nowMs: number): Verdict {
    if (this.credit === 0) return this.spend(nowMs);
    this.credit--;
    return 'fine';
  }

  /** Part of an answer was sent. */
  earn(): void {
    if (this.credit < MAX_CREDIT) this.credit++;
  }
}
