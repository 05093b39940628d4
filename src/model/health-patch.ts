/** What `GET /stream` sends: one whole picture first, then what has changed in it, at most once a second. */

import type { LoggedEvent } from './event.ts';
import type { BackendReport, HealthReport, UpstreamReport } from './report.ts';

/** `event: state`. Replaces everything that the reader knew. */
export interface HealthState {
  /** Wall clock of the proxy, milliseconds since the Unix epoch. */
  readonly at: number;
  readonly health: HealthReport;
  /** The last ones, oldest first. */
  readonly events: readonly LoggedEvent[];
}

/** `event: events`: what happened since the last of them, oldest first. Ids that were told before may come again. */
export type LatestEvents = readonly LoggedEvent[];

/** `event: patch`. Sent every second, even if nothing changed: silence means that the proxy is gone. */
export interface HealthPatch extends Partial<Omit<HealthReport, 'upstreams'>> {
  readonly at: number;
  /** Only those in which something changed; their set is the same as before. */
  readonly upstreams?: Readonly<Record<string, UpstreamPatch>>;
}

export interface UpstreamPatch extends Partial<Omit<UpstreamReport, 'backends'>> {
  /** All backends, because others than before are in the pool. */
  readonly backends?: readonly BackendReport[];
  /** Places in the list of backends, and the fields that changed there. */
  readonly changed?: readonly (readonly [index: number, fields: Partial<BackendReport>])[];
}
