/**
 * Graded invariants: what must hold is said where it is relied upon. A broken one is a bug of ours; it fails a test, but
 * never takes a proxy down that could go on serving.
 */

export type BrokenInvariantHandler = (sentence: string) => void;

let broken = 0;
let onBroken: BrokenInvariantHandler = () => {};

/** Counts a condition that does not hold and tells the handler. */
export function invariant(condition: boolean, sentence: string): void {
  if (condition) return;
  broken += 1;
  onBroken(sentence);
}

/** How many invariants were found broken since the process began. */
export function brokenInvariants(): number {
  return broken;
}

/** Sets what else happens then: tests throw, production logs. Returns the handler that stood before. */
export function onBrokenInvariant(handler: BrokenInvariantHandler): BrokenInvariantHandler {
  const previous = onBroken;
  onBroken = handler;
  return previous;
}
