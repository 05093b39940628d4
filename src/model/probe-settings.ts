/** How backends are probed: a schedule that all kinds of probe share, and what each kind asks and expects. */

import type { JsonPath } from '../base/json-path.ts';

export interface ProbeSchedule {
  /** null = the backend's port. */
  readonly port: number | null;
  readonly intervalMs: number;
  /** While a threshold is being counted, or evidence disagrees. */
  readonly fastIntervalMs: number;
  readonly timeoutMs: number;
  /** Passes in a row that bring a down backend up; >= 1. */
  readonly rise: number;
  /** Failures in a row that take it down; >= 1. */
  readonly fall: number;
  /** Share of the interval by which each wait varies, 0 to 1. */
  readonly jitter: number;
}

export type JsonScalar = string | number | boolean | null;

export interface ProbeExpectation {
  /** Inclusive ranges. */
  readonly status: readonly (readonly [number, number])[];
  /** Text the first 64 KiB of the body must contain; null = any. */
  readonly body: string | null;
  /** A header that must be present and, with `value`, contain that text. */
  readonly header: { readonly name: string; readonly value: string | null } | null;
  /** A value that the body, read as JSON, must have at `path`; null = any. */
  readonly json: { readonly path: JsonPath; readonly equals: JsonScalar } | null;
  /** A secret is part of it: no reason quotes it. */
  readonly isSecret?: boolean;
}

export interface HttpProbeSettings extends ProbeSchedule {
  readonly type: 'http';
  readonly path: string;
  readonly method: string;
  /** Host header; null = the backend's authority. */
  readonly host: string | null;
  readonly expect: ProbeExpectation;
}

export interface TcpProbeSettings extends ProbeSchedule {
  readonly type: 'tcp';
  /** Text written once connected; null = nothing. */
  readonly send: string | null;
  /** Text the first 64 KiB received must contain; null = to connect is enough. */
  readonly expect: string | null;
  /** A secret is part of it: no reason quotes it. */
  readonly isSecret?: boolean;
}

export interface GrpcProbeSettings extends ProbeSchedule {
  readonly type: 'grpc';
  /** `:authority`; null = the backend's authority. */
  readonly host: string | null;
  /** Whose health is asked for; empty = the whole server. */
  readonly service: string;
}

export type ProbeSettings = HttpProbeSettings | TcpProbeSettings | GrpcProbeSettings;
