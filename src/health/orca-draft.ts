/**
 * A load report in the making: every range and bound of xds.data.orca.v3.OrcaLoadReport, whichever format carries it.
 * Names are those of the protobuf message. Invariant: what `report()` returns is finite, in range and not -0.
 *
 * Stricter than the message: a name given twice is refused in every format (protobuf alone would take the last), and so
 * are numbers beyond any machine and more names than anybody reads. A backend that sends them is not to be believed.
 */

import type { LoadReport } from '../model/load.ts';

/** Largest rate per second, and largest unbounded utilization, that is believed. */
export const MAX_RATE = 1e9;
/** Named metrics count whatever the backend likes, bytes included: up to the last exact integer. */
const MAX_NAMED = Number.MAX_SAFE_INTEGER;
const MAX_ENTRIES = 64;
const MAX_KEY_CHARS = 128;
/** How much of a backend's words goes into our logs. */
const MAX_SHOWN_CHARS = 40;

const SCALAR_MAX: ReadonlyMap<string, number> = new Map([
  ['cpu_utilization', MAX_RATE],
  ['mem_utilization', 1],
  ['application_utilization', MAX_RATE],
  ['rps_fractional', MAX_RATE],
  ['eps', MAX_RATE],
]);

const ENTRY_MAX: ReadonlyMap<string, number> = new Map([
  ['named_metrics', MAX_NAMED],
  ['utilization', 1],
  ['request_cost', MAX_NAMED],
]);

/** Each adding method returns what is wrong, for people, or null; after a problem the draft is of no use. */
export class OrcaDraft {
  readonly #scalars = new Map<string, number>();
  readonly #maps = new Map<string, Map<string, number>>();

  scalar(name: string, value: number): string | null {
    const max = SCALAR_MAX.get(name);
    if (max === undefined) return `unknown metric ${quote(name)}`;
    if (this.#scalars.has(name)) return `${name} is given twice`;
    this.#scalars.set(name, value);
    return outOfRange(name, value, max);
  }

  /** One entry of the map field `name`. */
  entry(name: string, key: string, value: number): string | null {
    const max = ENTRY_MAX.get(name);
    if (max === undefined) return `unknown metric ${quote(`${name}.${key}`)}`;
    if (key === '') return `a key of ${name} is empty`;
    if (key.length > MAX_KEY_CHARS) return `a key of ${name} is longer than ${MAX_KEY_CHARS} characters`;
    const entries = this.#entriesOf(name);
    if (entries.has(key)) return `${name}.${quote(key)} is given twice`;
    if (entries.size === MAX_ENTRIES) return `${name} has more than ${MAX_ENTRIES} entries`;
    entries.set(key, value);
    return outOfRange(`${name}.${quote(key)}`, value, max);
  }

  report(): LoadReport {
    return {
      cpuUtilization: this.#scalars.get('cpu_utilization') ?? 0,
      memUtilization: this.#scalars.get('mem_utilization') ?? 0,
      applicationUtilization: this.#scalars.get('application_utilization') ?? 0,
      rps: this.#scalars.get('rps_fractional') ?? 0,
      eps: this.#scalars.get('eps') ?? 0,
      namedMetrics: this.#entriesOf('named_metrics'),
      utilization: this.#entriesOf('utilization'),
    };
  }

  #entriesOf(name: string): Map<string, number> {
    let entries = this.#maps.get(name);
    if (entries === undefined) {
      entries = new Map();
      this.#maps.set(name, entries);
    }
    return entries;
  }
}

/** Whether `name` is one of the message's map fields. */
export function isMapField(name: string): boolean {
  return ENTRY_MAX.has(name);
}

/** A backend's words for a log line: short, in quotes, control characters escaped. */
export function quote(words: string): string {
  return JSON.stringify(words.length > MAX_SHOWN_CHARS ? `${words.slice(0, MAX_SHOWN_CHARS)}…` : words);
}

function outOfRange(name: string, value: number, max: number): string | null {
  if (value >= 0 && value <= max && !Object.is(value, -0)) return null;
  return `${name} must be between 0 and ${max}, received ${Object.is(value, -0) ? '-0' : value}`;
}
