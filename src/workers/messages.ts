/**
 * What primary and workers say to each other, as plain data over one channel that keeps the order. All of it is sent by one
 * program to itself: nothing here is checked again by whoever receives it.
 */

import type { ParsedLoad } from '../health/orca.ts';
import type { DataPlaneCounts } from '../metrics/data-plane-counts.ts';
import type { BackendSpec } from '../model/backend.ts';
import type { BindAddress, LogLevel, Settings } from '../model/settings.ts';
import type { BackendView } from '../model/view.ts';
import type { Batch } from './journal.ts';

/** Who may send the one request that decides a backend's trial. */
export interface TrialOwner {
  readonly backend: string;
  readonly epoch: number;
  /** Number of the worker. */
  readonly worker: number;
}

/** What has changed in an upstream. */
export interface PoolNews {
  /** Number of the upstream: the primary gives it, and uses none twice. */
  readonly pool: number;
  /** The whole membership in its order; null = as before. */
  readonly backends: readonly BackendSpec[] | null;
  /** Those that differ from what was sent before; of every new backend. */
  readonly views: readonly BackendView[];
  /** All trials that go on. */
  readonly trials: readonly TrialOwner[];
}

/** An upstream as a worker that knows nothing of it needs it. */
export interface WholePool extends PoolNews {
  readonly name: string;
  readonly backends: readonly BackendSpec[];
}

/** What a backend has said that it has in flight, for policies that compare it. */
export interface Heard {
  readonly backend: string;
  readonly inFlight: number;
  /** 0 = not said. */
  readonly utilization: number;
}

export type FromPrimary =
  /** The first: who the worker is. */
  | {
      readonly kind: 'start';
      readonly number: number;
      /** Overrides what is configured; null = as configured. */
      readonly logLevel: LogLevel | null;
      readonly logFormat: 'auto' | 'json' | 'pretty';
    }
  /** Comes with the handle of a socket that is bound. */
  | { readonly kind: 'socket'; readonly purpose: string; readonly asked: BindAddress; readonly address: BindAddress }
  /** Sockets that it needs and the worker does not have have come before. @see FromWorker for the answer */
  | { readonly kind: 'prepare'; readonly attempt: number; readonly settings: Settings; readonly workers: number }
  /** What was prepared last holds from now on. */
  | { readonly kind: 'commit'; readonly pools: readonly WholePool[] }
  /** What was prepared last is thrown away, and sockets that came for it. */
  | { readonly kind: 'discard' }
  | { readonly kind: 'news'; readonly news: PoolNews }
  | { readonly kind: 'heard'; readonly pool: number; readonly heard: readonly Heard[] }
  /** Accept nothing more, finish what is open, for so long, and end. */
  | { readonly kind: 'drain'; readonly timeoutMs: number };

/** A load report of a backend, the last of a while. */
export interface LoadTold {
  readonly pool: number;
  readonly backend: string;
  readonly load: ParsedLoad;
}

export interface NoticeTold {
  readonly pool: number;
  readonly backend: string;
  readonly isDraining: boolean;
  readonly retryAfterMs: number;
}

/** What a worker has seen since it last told. */
export interface Report {
  readonly kind: 'report';
  readonly batch: Batch;
  /**
   * Bytes of a Float64Array, for every slot where something has changed: pool, slot, in flight, requests and retries since the
   * slot was given out.
   */
  readonly counters: Uint8Array;
  readonly loads: readonly LoadTold[];
  readonly notices: readonly NoticeTold[];
}

export type FromWorker =
  | Report
  | { readonly kind: 'prepared'; readonly attempt: number }
  /** It cannot be: a file is of no use, an address cannot be had. */
  | { readonly kind: 'refused'; readonly attempt: number; readonly message: string }
  /** From now on this slot of the worker's ledger is this backend's. */
  | { readonly kind: 'slots'; readonly pool: number; readonly slots: readonly (readonly [number, string])[] }
  | { readonly kind: 'beat'; readonly lagMs: number; readonly counts: DataPlaneCounts };
