/**
 * What befalls the backends and the configuration, and when: all of it from the seed. Never are more than two of four backends
 * troubled at a time, and after each trouble there is calm, in which every request must succeed.
 */

import { createDice } from './exchange.mjs';

/**
 * @typedef {'kill' | 'stop' | 'hang' | 'status500' | 'status503' | 'cut' | 'reset' | 'slow'} Trouble
 * @typedef {{ kind: 'trouble', trouble: Trouble, backends: number[], fromMs: number, toMs: number }} TroubleEvent
 * @typedef {{ kind: 'reload', variant: number, isBroken: boolean, fromMs: number }} ReloadEvent
 */

/** @type {readonly Trouble[]} */
export const TROUBLES = ['kill', 'stop', 'hang', 'status500', 'status503', 'cut', 'reset', 'slow'];
export const BACKENDS = 4;
/** How many configurations are changed between. */
export const VARIANTS = 5;

/** Time for the first requests. */
const FIRST_MS = 1_500;
const TROUBLE_MS = [1_200, 4_000];
const CALM_MS = [2_000, 5_000];
const RELOAD_EVERY_MS = [1_500, 6_000];
const BROKEN_SHARE = 0.2;
const TWO_SHARE = 0.25;

/**
 * In the order of time, for so many seconds; the last trouble has ended by then.
 * @param {number} seed @param {number} seconds @returns {(TroubleEvent | ReloadEvent)[]}
 */
export function planOf(seed, seconds) {
  const endMs = seconds * 1_000;
  return [...troublesOf(createDice(seed), endMs), ...reloadsOf(createDice(seed + 1), endMs)].sort(
    (a, b) => a.fromMs - b.fromMs,
  );
}

/** Every kind once before any comes again. @param {import('./exchange.mjs').Dice} dice @param {number} endMs */
function troublesOf(dice, endMs) {
  /** @type {TroubleEvent[]} */
  const events = [];
  /** @type {Trouble[]} */
  let left = [];
  for (let fromMs = FIRST_MS; ; ) {
    const toMs = fromMs + within(dice, TROUBLE_MS);
    if (toMs + CALM_MS[0] > endMs) return events;
    if (left.length === 0) left = [...TROUBLES];
    const [trouble] = left.splice(dice.between(0, left.length - 1), 1);
    const first = dice.between(0, BACKENDS - 1);
    const backends = dice.next() < TWO_SHARE ? [first, (first + dice.between(1, BACKENDS - 1)) % BACKENDS] : [first];
    if (trouble !== undefined) events.push({ kind: 'trouble', trouble, backends, fromMs, toMs });
    fromMs = toMs + within(dice, CALM_MS);
  }
}

/** @param {import('./exchange.mjs').Dice} dice @param {number} endMs */
function reloadsOf(dice, endMs) {
  /** @type {ReloadEvent[]} */
  const events = [];
  let variant = 0;
  for (let fromMs = FIRST_MS; fromMs < endMs - FIRST_MS; fromMs += within(dice, RELOAD_EVERY_MS)) {
    variant = (variant + dice.between(1, VARIANTS - 1)) % VARIANTS;
    events.push({ kind: 'reload', variant, isBroken: dice.next() < BROKEN_SHARE, fromMs });
  }
  return events;
}

/** @param {import('./exchange.mjs').Dice} dice @param {number[]} range */
function within(dice, [least = 0, most = 0]) {
  return dice.between(least, most);
}
