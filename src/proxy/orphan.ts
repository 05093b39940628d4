/**
 * Who owns an attempt that nobody waits for any more: a backend on trial was too slow for its request, which was answered
 * elsewhere, but what it answers still decides the trial.
 */

import type { AttemptOwner } from './attempt.ts';

export const ORPHAN: AttemptOwner = {
  method: 'GET',
  repeatable: true,
  onReady() {},
  onInformational() {},
  // The head is all that is of interest.
  onHead: () => false,
  onUpgrade: () => null,
  onData() {},
  onReadDone: () => true,
  onComplete() {},
  onFailed() {},
  onDrain() {},
};
