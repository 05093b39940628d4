/** What statuses mean, in the page's words. Types come from the program, but a browser needs values of its own. */

import type { LoggedEvent } from '../model/event.ts';
import type { Status } from '../model/status.ts';

/** From well to worst, as filters and summaries list them. */
export const STATUS_ORDER: readonly Status[] = [
  'up',
  'suspect',
  'trial',
  'starting',
  'draining',
  'disabled',
  'ejected',
  'down',
];

export function isAvailableStatus(status: Status): boolean {
  return status === 'up' || status === 'suspect' || status === 'trial';
}

export function countByStatus(backends: readonly { readonly status: Status }[]): Map<Status, number> {
  const counts = new Map<Status, number>();
  for (const { status } of backends) counts.set(status, (counts.get(status) ?? 0) + 1);
  return new Map(STATUS_ORDER.flatMap((status) => (counts.has(status) ? [[status, counts.get(status) ?? 0]] : [])));
}

/** Whether the event is about that backend. */
export function concerns(event: LoggedEvent, upstream: string, backend: string): boolean {
  return event.upstream === upstream && event.backend === backend;
}
