/** Whose fault a failed connection is: the backend's, or our own (faults: EMFILE and EADDRNOTAVAIL are never theirs). */

import type { OutcomeClass } from '../model/outcome.ts';

/** Error codes that say this machine has run out of something. */
const LOCAL_CODES = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM', 'EACCES', 'EPERM']);

/** The class of a connection that could not be opened. */
export function classifyConnectError(error: NodeJS.ErrnoException | null): OutcomeClass {
  const code = error?.code ?? '';
  if (LOCAL_CODES.has(code)) return 'local_error';
  if (code === 'ECONNREFUSED') return 'connect_refused';
  return code === 'ETIMEDOUT' ? 'connect_timeout' : 'connect_error';
}

/** A failure as people read it: `connect ECONNREFUSED`, without addresses. */
export function describeError(error: NodeJS.ErrnoException | null): string {
  if (error === null) return 'closed by the backend';
  return error.syscall === undefined ? (error.code ?? 'error') : `${error.syscall} ${error.code ?? 'error'}`;
}
