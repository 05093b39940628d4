/**
 * What a backend's answers say of it besides: `x-pulsegate-drain`, it wants no new requests. Probes and requests are two voices,
 * and each takes back only its own word: a probe passes without the header, or no answer has carried it for a while. A backend that
 * drains gets no requests that could say otherwise, so the second must end by time; one that still drains then says so on its
 * trial request.
 */

/** How long the word of an answer to a request stands. */
const ANSWER_MS = 30_000;

export class DrainNotice {
  private byProbe = false;
  private answerUntilMs = Number.NEGATIVE_INFINITY;

  hearProbe(isDraining: boolean, ok: boolean): void {
    // A failure without the header is no good news: the process may be gone by now.
    if (isDraining || ok) this.byProbe = isDraining;
  }

  hearAnswer(at: number): void {
    this.answerUntilMs = at + ANSWER_MS;
  }

  /** The process is a new one: what the old one's answers said is void. */
  clear(): void {
    this.byProbe = false;
    this.answerUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Who says that the backend drains; null = nobody. */
  sourceAt(at: number): 'probe' | 'outcomes' | null {
    if (this.byProbe) return 'probe';
    return at < this.answerUntilMs ? 'outcomes' : null;
  }

  /** When time alone ends the notice; may have passed. */
  get deadline(): number {
    return this.answerUntilMs;
  }
}
