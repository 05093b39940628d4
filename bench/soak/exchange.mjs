/**
 * The exchange of the soak: what is sent, and so what the only right answer is. Every request has an id of its own, every byte of
 * a body belongs to a pattern that names the request and who wrote it: bytes of somebody else, a body mixed up or cut short, cannot
 * pass for the right ones. Both sides compute the same; nothing is kept.
 */

import { createHash } from 'node:crypto';

export const ID_HEADER = 'x-soak-id';
export const BACKEND_HEADER = 'x-soak-backend';
export const UPLOAD_HEADER = 'x-soak-upload';

/** A whole number of patterns, so that a slice at any offset is at hand. */
const REPEATS = 256;

/**
 * @typedef {object} Order  what a request asks for
 * @property {number} id
 * @property {boolean} isPost
 * @property {number} uploadBytes  0 = no body
 * @property {number} answerBytes
 * @property {boolean} isChunked  the answer; an upload's framing is the client's own affair
 */

/** Numbers from 0 to 1 that look random and are the same for the same seed: splitmix32. @param {number} seed */
export function createDice(seed) {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    /** A whole number from `least` to `most`. @param {number} least @param {number} most */
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    /** @template T @param {readonly T[]} some @returns {T} */
    oneOf: (some) => /** @type {T} */ (some[Math.floor(next() * some.length)]),
  };
}

/** @typedef {ReturnType<typeof createDice>} Dice */

/** @param {Order} order */
export function pathOf({ id, answerBytes, isChunked }) {
  return `/item/${id}?bytes=${answerBytes}&chunked=${isChunked ? 1 : 0}`;
}

/** The bytes that `author` writes for a request: endless, and the same whenever asked. @param {number} id @param {string} author */
export function patternOf(id, author) {
  const unit = `${author}:${id}|`;
  const pattern = Buffer.from(unit.repeat(REPEATS), 'latin1');
  return {
    /** A copy of `length` bytes from `offset` on. @param {number} offset @param {number} length */
    slice: (offset, length) => {
      const bytes = Buffer.allocUnsafe(length);
      for (let at = 0; at < length; ) {
        const from = (offset + at) % pattern.length;
        at += pattern.copy(bytes, at, from, Math.min(pattern.length, from + length - at));
      }
      return bytes;
    },
    /** Where `chunk`, which began at `offset`, first differs; -1 = nowhere. @param {number} offset @param {Buffer} chunk */
    differsAt: (offset, chunk) => {
      for (let at = 0; at < chunk.length; ) {
        const from = (offset + at) % pattern.length;
        const length = Math.min(pattern.length - from, chunk.length - at);
        if (pattern.compare(chunk, at, at + length, from, from + length) !== 0) {
          while (chunk[at] === pattern[(offset + at) % pattern.length]) at += 1;
          return at;
        }
        at += length;
      }
      return -1;
    },
  };
}

/** The body that a client sends. @param {Order} order */
export function uploadOf({ id, uploadBytes }) {
  return patternOf(id, 'client').slice(0, uploadBytes);
}

/** @param {Buffer} bytes */
export function hashOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Reads an answer as it comes and says what is wrong with it. What is right so far may still be cut short: only `end` says that
 * it claims to be whole.
 */
export class AnswerCheck {
  /** @param {Order} order */
  constructor(order) {
    this.order = order;
    this.received = 0;
    this.backend = '';
    /** @type {string | null} a sentence */
    this.violation = null;
    /** @type {ReturnType<typeof patternOf> | null} */
    this.pattern = null;
  }

  /**
   * The head of a 200. @param {(name: string) => string} header '' = absent
   */
  head(header) {
    const { id, uploadBytes } = this.order;
    this.backend = header(BACKEND_HEADER);
    this.pattern = patternOf(id, this.backend);
    if (header(ID_HEADER) !== String(id))
      this.complain(`answer to request ${header(ID_HEADER) || 'nobody'} came for ${id}`);
    if (uploadBytes > 0 && header(UPLOAD_HEADER) !== hashOf(uploadOf(this.order))) {
      this.complain(`the body of request ${id} reached ${this.backend} changed`);
    }
  }

  /** @param {Buffer} chunk */
  body(chunk) {
    const at = this.pattern?.differsAt(this.received, chunk) ?? -1;
    if (at >= 0) {
      const found = chunk.subarray(at, at + 40).toString('latin1');
      this.complain(
        `the answer of ${this.backend} to ${this.order.id} differs at byte ${this.received + at}: ${JSON.stringify(found)}`,
      );
    }
    this.received += chunk.length;
  }

  /** It claims to be whole. */
  end() {
    const { id, answerBytes } = this.order;
    if (this.received !== answerBytes)
      this.complain(`the answer to ${id} ended as if whole after ${this.received} of ${answerBytes} bytes`);
  }

  /** The first is what matters. @param {string} sentence */
  complain(sentence) {
    this.violation ??= sentence;
  }
}
