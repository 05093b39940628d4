/** What a backend has been over the minutes that the plots show, as a lane of colours below them. */

import type { LoggedEvent } from '../../model/event.ts';
import type { Status } from '../../model/status.ts';
import { toneOf } from './status-mark.tsx';

interface Stretch {
  readonly status: Status;
  /** Parts of the lane, 0 to 1. */
  readonly from: number;
  readonly to: number;
}

interface Props {
  /** Of this backend, oldest first. */
  readonly events: readonly LoggedEvent[];
  /** As it is now. */
  readonly status: Status;
  readonly beginMs: number;
  readonly nowMs: number;
}

export function StatusLane({ events, status, beginMs, nowMs }: Props) {
  const stretches = stretchesOf(events, status, beginMs, nowMs);
  const words = stretches.map((stretch) => stretch.status).join(', then ');
  return (
    <svg
      class="lane"
      viewBox="0 0 1000 10"
      preserveAspectRatio="none"
      role="img"
      aria-label={`Status of the last minutes: ${words}`}
    >
      {stretches.map((stretch) => (
        <rect
          key={stretch.from}
          class={toneOf(stretch.status)}
          x={stretch.from * 1_000}
          width={Math.max(2, (stretch.to - stretch.from) * 1_000 - 1)}
          height="10"
        >
          <title>{stretch.status}</title>
        </rect>
      ))}
    </svg>
  );
}

function stretchesOf(events: readonly LoggedEvent[], status: Status, beginMs: number, nowMs: number): Stretch[] {
  const place = (ms: number) => Math.max(0, Math.min(1, (ms - beginMs) / (nowMs - beginMs)));
  const stretches: Stretch[] = [];
  let to = 1;
  let current = status;
  for (const event of [...events].reverse()) {
    if ('kind' in event) continue;
    const from = place(Date.parse(event.at));
    stretches.unshift({ status: current, from, to });
    current = event.from;
    to = from;
    if (from === 0) return stretches;
  }
  stretches.unshift({ status: current, from: 0, to });
  return stretches;
}
