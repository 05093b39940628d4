/**
 * Judges what the clients saw. A violation is never excusable: somebody else's bytes, an answer cut short that looks whole, a POST
 * executed twice, or executed other than once though it was answered, or any failure while nothing was wrong. Everything else is counted.
 */

/** After a trouble has ended: connections that it broke are found, and who was out may return. */
const GRACE_MS = 1_500;
const MOST_VIOLATIONS = 50;

/**
 * @typedef {object} Story  of one request, when it is over
 * @property {string} kind  of the client
 * @property {number} id
 * @property {boolean} isPost
 * @property {number} startedMs
 * @property {string} failure  '' = the right answer, whole; `gone`: the client left as it meant to; else what came instead
 * @property {string | null} violation  a sentence
 */

export class Oracle {
  constructor() {
    /** @type {Record<string, { done: number, failed: number, left: number }>} */
    this.kinds = {};
    /** @type {Record<string, number>} */
    this.failures = {};
    /** @type {string[]} */
    this.violations = [];
    this.violationCount = 0;
    /** Troubles under way, and until when the last one echoes. */
    this.troubles = 0;
    this.calmFromMs = 0;
    this.lastId = 0;
    /** By id, how often it was executed, and whether it was answered. */
    this.executions = new Uint8Array(1_024);
    this.answered = new Uint8Array(1_024);
  }

  /** A new id for a request. */
  nextId() {
    this.lastId += 1;
    if (this.lastId >= this.executions.length) {
      this.executions = doubled(this.executions);
      this.answered = doubled(this.answered);
    }
    return this.lastId;
  }

  troubleBegins() {
    this.troubles += 1;
  }

  /** @param {number} nowMs */
  troubleEnds(nowMs) {
    this.troubles -= 1;
    this.calmFromMs = nowMs + GRACE_MS;
  }

  /** Whether nothing was wrong from `fromMs` until now. @param {number} fromMs */
  wasCalm(fromMs) {
    return this.troubles === 0 && fromMs >= this.calmFromMs;
  }

  /** @param {Story} story */
  tell({ kind, id, isPost, startedMs, failure, violation }) {
    const counts = this.kinds[kind] ?? { done: 0, failed: 0, left: 0 };
    this.kinds[kind] = counts;
    if (failure === '') counts.done += 1;
    else if (failure === 'gone') counts.left += 1;
    else counts.failed += 1;
    if (violation !== null) this.complain(`${kind}: ${violation}`);
    if (failure === '' && isPost) this.answered[id] = 1;
    if (failure === '' || failure === 'gone') return;
    this.failures[failure] = (this.failures[failure] ?? 0) + 1;
    if (this.wasCalm(startedMs)) this.complain(`${kind}: request ${id} failed although nothing was wrong: ${failure}`);
  }

  /** What backends have executed since the last call. @param {Map<number, number>} counts */
  hearExecutions(counts) {
    for (const [id, count] of counts) {
      const before = this.executions[id] ?? 0;
      this.executions[id] = Math.min(255, before + count);
      if (before + count > 1) this.complain(`POST ${id} was executed ${before + count} times`);
    }
  }

  /** When all is over, and every execution has been heard. */
  close() {
    for (let id = 1; id <= this.lastId; id++) {
      if (this.answered[id] === 1 && this.executions[id] === 0)
        this.complain(`POST ${id} was answered and never executed`);
    }
  }

  /** @param {string} sentence */
  complain(sentence) {
    this.violationCount += 1;
    if (this.violations.length < MOST_VIOLATIONS) this.violations.push(sentence);
  }
}

/** @param {Uint8Array} array */
function doubled(array) {
  const larger = new Uint8Array(array.length * 2);
  larger.set(array);
  return larger;
}
