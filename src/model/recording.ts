/**
 * A recording as it is written (INTERFACE §4, §7): JSON lines. A header; then for each upstream the engine's state from which
 * the rest replays, and the signals and transitions since, in their order.
 */

import type { SavedGraph } from '../base/object-graph.ts';
import type { HealthEvent } from './event.ts';
import type { Signal } from './signal.ts';

export interface RecordingHeader {
  readonly kind: 'recording';
  /** Of the program that recorded. */
  readonly version: string;
  /** Wall clock minus monotonic clock. */
  readonly wall_offset_ms: number;
}

export interface RecordedState {
  readonly kind: 'state';
  readonly upstream: string;
  readonly engine: SavedGraph;
}

export interface RecordedSignal {
  readonly kind: 'signal';
  readonly upstream: string;
  readonly signal: Signal;
}

export interface RecordedTransition extends HealthEvent {
  readonly kind: 'transition';
  /** Monotonic, as `at` of signals. */
  readonly at_ms: number;
}

export type RecordingLine = RecordingHeader | RecordedState | RecordedSignal | RecordedTransition;

const MAP_KEY = '$map';

/** One line, without its end. Load reports hold maps, which JSON does not know. */
export function writeLine(line: RecordingLine): string {
  return JSON.stringify(line, (_, value: unknown) => (value instanceof Map ? { [MAP_KEY]: [...value] } : value));
}

/** Throws SyntaxError for what is no JSON; what the line holds is for the caller to judge. */
export function readLine(text: string): RecordingLine {
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === 'object' && value !== null && MAP_KEY in value
      ? new Map(value[MAP_KEY] as [string, unknown][])
      : value,
  ) as RecordingLine;
}
