/** What a backend says of its own load (ORCA, xds.data.orca.v3.OrcaLoadReport). 0 means not reported. */

export interface LoadReport {
  /** >= 0; may exceed 1. */
  readonly cpuUtilization: number;
  /** 0 to 1. */
  readonly memUtilization: number;
  /** >= 0; may exceed 1. */
  readonly applicationUtilization: number;
  /** Requests per second, >= 0. */
  readonly rps: number;
  /** Errors per second, >= 0. */
  readonly eps: number;
  /** Null-prototype or Map-like: keys are the backend's words. */
  readonly namedMetrics: ReadonlyMap<string, number>;
  /** 0 to 1 each. */
  readonly utilization: ReadonlyMap<string, number>;
}

/** Which way a report came. */
export type LoadSource = 'response' | 'heartbeat' | 'probe';
