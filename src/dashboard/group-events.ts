/**
 * Puts transitions together that are one story: a fleet that starts, a zone that goes. What follows one another without a gap,
 * in the same pool, from and to the same status, by the same source, becomes one entry of the timeline.
 */

import type { HealthEvent, LoggedEvent, Notice } from '../model/event.ts';

export type Entry =
  | { readonly kind: 'notice'; readonly notice: Notice }
  | { readonly kind: 'transition'; readonly event: HealthEvent }
  /** At least `FEWEST`, oldest first. */
  | { readonly kind: 'group'; readonly events: readonly HealthEvent[] };

const FEWEST = 4;

/** From the first to the last of a group. */
const LONGEST_MS = 10_000;

/** Entries, the latest first. @param events oldest first */
export function groupEvents(events: readonly LoggedEvent[]): Entry[] {
  const runs: LoggedEvent[][] = [];
  for (const event of events) {
    const run = runs.at(-1);
    if (run !== undefined && belongs(event, run[0] as LoggedEvent)) run.push(event);
    else runs.push([event]);
  }
  return runs.flatMap(entriesOf).reverse();
}

function belongs(event: LoggedEvent, first: LoggedEvent): boolean {
  if ('kind' in event || 'kind' in first) return false;
  return (
    event.upstream === first.upstream &&
    event.from === first.from &&
    event.to === first.to &&
    event.source === first.source &&
    Date.parse(event.at) - Date.parse(first.at) <= LONGEST_MS
  );
}

function entriesOf(run: readonly LoggedEvent[]): Entry[] {
  const transitions = run.filter((event): event is HealthEvent => !('kind' in event));
  if (transitions.length >= FEWEST) return [{ kind: 'group', events: transitions }];
  return run.map((event) => ('kind' in event ? { kind: 'notice', notice: event } : { kind: 'transition', event }));
}
