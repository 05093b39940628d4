/**
 * What is done without when memory runs short, so that what is under way can end, and probes, heartbeats and the admin API go on:
 *
 *   three points below the limit   connections end with their answers, idle ones after a second
 *   at the limit                   new requests are refused
 *   two points above               new connections are refused
 *
 * It takes hold at once, and lets go after five quiet seconds. Decides only: the data plane measures, and tells its listeners.
 */

export const PRESSURE = { none: 0, connectionsEnd: 1, noRequests: 2, noConnections: 3 } as const;
export type Pressure = (typeof PRESSURE)[keyof typeof PRESSURE];

/** As many requests of an upstream, and connections of a listener, are never refused: what so few need is not what is short. */
export const ALWAYS_SERVED = 16;

const ENDING_BELOW_LIMIT = 0.03;
const NO_CONNECTIONS_ABOVE_LIMIT = 0.02;
const CALM_MS = 5_000;

export class MemoryPressure {
  level: Pressure = PRESSURE.none;
  /** When memory was last as short as the level says. */
  private lastAtMs = Number.NEGATIVE_INFINITY;

  /**
   * @param share of the memory that may be used
   * @param limit the share at which requests are refused; null = none
   * @returns whether the level has changed
   */
  observe(share: number, limit: number | null, nowMs: number): boolean {
    const level = limit === null ? PRESSURE.none : levelOf(share, limit);
    if (level < this.level && nowMs - this.lastAtMs < CALM_MS) return false;
    this.lastAtMs = nowMs;
    const hasChanged = level !== this.level;
    this.level = level;
    return hasChanged;
  }
}

function levelOf(share: number, limit: number): Pressure {
  if (share >= limit + NO_CONNECTIONS_ABOVE_LIMIT) return PRESSURE.noConnections;
  if (share >= limit) return PRESSURE.noRequests;
  return share >= limit - ENDING_BELOW_LIMIT ? PRESSURE.connectionsEnd : PRESSURE.none;
}

/** For people. */
export function explainPressure(level: Pressure): string {
  return SENTENCES[level];
}

const SENTENCES: Readonly<Record<Pressure, string>> = {
  [PRESSURE.none]: 'memory suffices again',
  [PRESSURE.connectionsEnd]: 'memory is short: client connections end with their answers',
  [PRESSURE.noRequests]: 'memory is short: new requests are refused',
  [PRESSURE.noConnections]: 'memory is short: new requests and connections are refused',
};
