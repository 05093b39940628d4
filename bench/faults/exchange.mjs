/**
 * The exchange of the fault scoreboard: what is sent, what a backend makes of it, and so what the only right answer is.
 * Every request has an id of its own, and a POST a body that depends on it: an answer to somebody else's request, a
 * body that was mixed up or cut short, cannot pass for the right one.
 */

import { createDice } from '../lib/dice.mjs';

export const ANSWER_BYTES = 1024;
const POST_SHARE = 0.1;
const POST_BYTES = 256;

/**
 * @typedef {{ id: string, method: 'GET' | 'POST', body: string }} Request
 * @param {string} run tells the requests of one run from another's
 * @param {number} count
 * @returns {Request[]}
 */
export function createRequests(run, count) {
  const dice = createDice(count);
  return Array.from({ length: count }, (_, n) => {
    const id = `${run}-${n}`;
    const method = dice() < POST_SHARE ? 'POST' : 'GET';
    return { id, method, body: method === 'POST' ? `${id} `.repeat(POST_BYTES).slice(0, POST_BYTES) : '' };
  });
}

/**
 * @param {string} backend who answers @param {string} id @param {string} body of the request
 * @param {number} bytes of the answer
 */
export function answerTo(backend, id, body, bytes = ANSWER_BYTES) {
  return `${backend} ${id} ${checksum(body)} `.padEnd(bytes, '.');
}

/** FNV-1a, 32 bits. @param {string} text */
function checksum(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}
