/** A heartbeat that a backend pushed, after the receiver has checked who sent it (INTERFACE §3.2). */

import type { BackendAddress } from './backend-url.ts';
import type { LoadReport } from './load.ts';

export type SelfReport = 'up' | 'draining' | 'down';

export interface Heartbeat {
  /** New for every process start of the backend. */
  readonly boot: string;
  /** Grows by at least one within a boot. */
  readonly seq: number;
  readonly status: SelfReport;
  readonly version: string | null;
  readonly role: string | null;
  readonly load: LoadReport | null;
  /** Requests that the backend has in flight, from everybody. */
  readonly inFlight: number | null;
}

/** Where a backend says that it is, for upstreams that take in who announces itself. */
export interface Announcement {
  readonly address: BackendAddress;
  /** Its share of the traffic, > 0; null = it does not say. */
  readonly weight: number | null;
}

/** How we see the sender: the reply to a heartbeat. */
export interface HeartbeatView {
  readonly state: string;
  readonly effectiveWeight: number;
  readonly inFlight: number;
  /** When the next heartbeat is expected. */
  readonly nextInMs: number;
  readonly why: string;
  readonly commands: readonly 'drain'[];
}

/** What the receiver needs of an upstream; its writer stamps the time. */
export interface HeartbeatTarget {
  /**
   * Null when there is no such backend.
   * @param announcement null = it does not say where it is
   */
  heartbeat(backend: string, heartbeat: Heartbeat, announcement: Announcement | null): HeartbeatView | null;
  /** A heartbeat was refused: counted against the backend, if it exists. */
  rejectHeartbeat(backend: string, reason: string): void;
}
