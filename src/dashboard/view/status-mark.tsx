/** A status as shape, colour and word: the shape alone must be enough for who cannot tell the colours apart. */

import type { Status, UpstreamStatus } from '../../model/status.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'idle';

const TONES: Readonly<Record<Status | UpstreamStatus, Tone>> = {
  up: 'good',
  ok: 'good',
  suspect: 'warn',
  trial: 'warn',
  degraded: 'warn',
  starting: 'idle',
  draining: 'idle',
  disabled: 'idle',
  ejected: 'bad',
  down: 'bad',
  panic: 'bad',
};

/** Paths in a square of 12. Full: takes requests; open: takes some, or none because somebody wants that; sharp: broken. */
const SHAPES: Readonly<Record<Status | UpstreamStatus, string>> = {
  up: 'M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9z',
  ok: 'M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9z',
  suspect: 'M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9zM6 3v6a3 3 0 0 0 0-6z',
  degraded: 'M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9zM6 3v6a3 3 0 0 0 0-6z',
  trial: 'M6 1.2L10.8 6L6 10.8L1.2 6zM6 3.6L3.6 6L6 8.4L8.4 6z',
  starting: 'M2 4.8h2.2v2.4H2zM4.9 4.8h2.2v2.4H4.9zM7.8 4.8H10v2.4H7.8z',
  draining: 'M1.5 3h9L6 10.2zM3.9 4.4L6 7.7L8.1 4.4z',
  disabled: 'M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9zM3.4 5.3v1.4h5.2V5.3z',
  ejected: 'M6 1L11.2 10.5H.8z',
  down: 'M2.6 1.2L6 4.6L9.4 1.2L10.8 2.6L7.4 6L10.8 9.4L9.4 10.8L6 7.4L2.6 10.8L1.2 9.4L4.6 6L1.2 2.6z',
  panic: 'M6 1L11.2 10.5H.8z',
};

export function toneOf(status: Status | UpstreamStatus): Tone {
  return TONES[status];
}

export function Mark({ status }: { readonly status: Status | UpstreamStatus }) {
  return (
    <svg class={`mark ${toneOf(status)}`} viewBox="0 0 12 12" aria-hidden="true">
      <path fill-rule="evenodd" d={SHAPES[status]} />
    </svg>
  );
}

export function StatusWord({ status }: { readonly status: Status | UpstreamStatus }) {
  return (
    <span class={`status ${toneOf(status)}`}>
      <Mark status={status} />
      {status}
    </span>
  );
}
