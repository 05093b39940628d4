/** A backend as configured, and as known at run time. Identity is the id: never the weight, the order or the slot. */

export interface BackendSpec {
  /** Unique within the upstream; `host:port` unless the user named it. */
  readonly id: string;
  /** Normalised origin, for people: `http://127.0.0.1:3001`. */
  readonly url: string;
  readonly tls: boolean;
  /** Name or address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Relative share of traffic, > 0. */
  readonly weight: number;
  /** 0 is used first. */
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * A backend in service: its spec, and the small dense number under which hot counters are kept in typed arrays.
 * An upstream gives a slot to an id when the backend joins and reuses it only after the backend has left and drained.
 */
export interface Backend extends BackendSpec {
  readonly slot: number;
}
