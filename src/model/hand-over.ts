/** What a process hands over to the one that takes its place, besides its sockets: what is thought of the backends, and what operators said. */

import type { Memory } from './memory.ts';
import type { Intent } from './status.ts';

export interface BackendLegacy {
  readonly id: string;
  /** An id that has moved to another address is another server: nothing holds for it. */
  readonly url: string;
  /** null = probes had decided nothing. */
  readonly memory: Memory | null;
  readonly intent: { readonly value: Intent; readonly by: string } | null;
  /** Set at run time; null = as configured. */
  readonly weight: { readonly value: number; readonly configured: number } | null;
}

export interface UpstreamLegacy {
  readonly name: string;
  readonly backends: readonly BackendLegacy[];
}

export interface Legacy {
  /** Of the configuration that was in force. */
  readonly generation: number;
  readonly upstreams: readonly UpstreamLegacy[];
}
