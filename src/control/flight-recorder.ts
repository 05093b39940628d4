/**
 * The last signals of one upstream and what they led to, for `GET /recording` and `pulsegate replay`. Two segments: the one being
 * written and the full one before it, each beginning with the engine's state at its start, so that what is kept replays exactly
 * although earlier signals are gone. The commonest signal, a success that changed nothing, is kept in three numbers and a name.
 *
 * Invariant: a segment's state and its signals, in order, give the engine's state at its end.
 */

import type { SavedGraph } from '../base/object-graph.ts';
import type { Clock } from '../base/time.ts';
import type { HealthEngine } from '../health/engine.ts';
import { saveEngine } from '../health/engine-state.ts';
import type { HealthEvent } from '../model/event.ts';
import { type RecordingLine, writeLine } from '../model/recording.ts';
import type { Signal } from '../model/signal.ts';

/** Signals and transitions in a segment: a minute of a thousand requests per second, in about 2 MB. */
const SEGMENT_LENGTH = 65_536;
const FIRST_CAPACITY = 1_024;

/** To save the state of more would hold up requests for longer than a recording is worth. */
const MAX_BACKENDS = 500;

/** Numbers that a plain success takes: `at`, its latency and its epoch. */
const STRIDE = 3;

/** A plain success is its backend; everything else stands as it is. */
type Entry = string | Signal | { readonly event: HealthEvent; readonly atMs: number };

/** A segment up to `length`. What is written later does not show: numbers and entries are only added. */
interface Kept {
  readonly state: SavedGraph;
  readonly entries: readonly Entry[];
  readonly numbers: Float64Array;
  readonly length: number;
}

class Segment {
  readonly state: SavedGraph;
  readonly entries: Entry[] = [];
  /** Of plain successes, at STRIDE times their position in `entries`. */
  numbers: Float64Array;

  constructor(state: SavedGraph, capacity: number) {
    this.state = state;
    this.numbers = new Float64Array(capacity);
  }

  addSuccess(backend: string, epoch: number, latencyMs: number, at: number): void {
    const offset = this.entries.length * STRIDE;
    if (offset >= this.numbers.length) this.grow(offset * 2);
    this.entries.push(backend);
    this.numbers[offset] = at;
    this.numbers[offset + 1] = latencyMs;
    this.numbers[offset + 2] = epoch;
  }

  keep(): Kept {
    const { state, entries, numbers } = this;
    return { state, entries, numbers, length: entries.length };
  }

  private grow(capacity: number): void {
    const { numbers } = this;
    this.numbers = new Float64Array(capacity);
    this.numbers.set(numbers);
  }
}

export class FlightRecorder {
  readonly upstream: string;
  private readonly segmentLength: number;
  private engine: HealthEngine | null = null;
  private older: Segment | null = null;
  private current: Segment | null = null;

  /** @param segmentLength signals and transitions that are kept: between once and twice as many */
  constructor(upstream: string, segmentLength = SEGMENT_LENGTH) {
    this.upstream = upstream;
    this.segmentLength = segmentLength;
  }

  /**
   * From now on; nothing is kept of pools above 500 backends, nor of what was before: signals say nothing about a change of the
   * engine's settings, so that one behind it could not be replayed with those before.
   */
  begin(engine: HealthEngine): void {
    this.engine = engine;
    this.current = null;
    this.turn();
  }

  /** A success that the engine has absorbed. */
  recordSuccess(backend: string, epoch: number, latencyMs: number, at: number): void {
    const { current } = this;
    if (current === null) return;
    current.addSuccess(backend, epoch, latencyMs, at);
    if (current.entries.length >= this.segmentLength) this.turn();
  }

  /** A signal that the engine is about to fold in. */
  recordSignal(signal: Signal): void {
    if (this.current !== null && this.current.entries.length >= this.segmentLength) this.turn();
    this.current?.entries.push(signal);
  }

  /** What the last signal led to. @param atMs monotonic */
  recordEvent(event: HealthEvent, atMs: number): void {
    this.current?.entries.push({ event, atMs });
  }

  /** What is kept as of now, oldest first. */
  lines(): Iterable<RecordingLine> {
    const segments = [this.older, this.current].filter((segment) => segment !== null);
    return linesOf(
      this.upstream,
      segments.map((segment) => segment.keep()),
    );
  }

  private turn(): void {
    const { engine, current } = this;
    this.older = null;
    this.current = null;
    if (engine === null || engine.views().length > MAX_BACKENDS) return;
    const capacity = current?.numbers.length ?? FIRST_CAPACITY * STRIDE;
    try {
      this.current = new Segment(saveEngine(engine), capacity);
      this.older = current;
    } catch {
      // A state that cannot be saved is a bug of ours, which tests find; it costs the recording, never a request.
    }
  }
}

/** A whole recording, one text per line, without line ends. What is recorded meanwhile is not in it. */
export function recordingOf(recorders: readonly FlightRecorder[], version: string, clock: Clock): Iterable<string> {
  const header: RecordingLine = { kind: 'recording', version, wall_offset_ms: clock.wall() - clock.now() };
  const parts = recorders.map((recorder) => recorder.lines());
  return (function* () {
    yield writeLine(header);
    for (const lines of parts) for (const line of lines) yield writeLine(line);
  })();
}

function* linesOf(upstream: string, segments: readonly Kept[]): Generator<RecordingLine> {
  if (segments[0] !== undefined) yield { kind: 'state', upstream, engine: segments[0].state };
  for (const segment of segments) {
    for (let position = 0; position < segment.length; position++) yield lineOf(upstream, segment, position);
  }
}

function lineOf(upstream: string, { entries, numbers }: Kept, position: number): RecordingLine {
  const entry = entries[position] as Entry;
  if (typeof entry !== 'string') {
    if ('event' in entry) return { kind: 'transition', ...entry.event, at_ms: entry.atMs };
    return { kind: 'signal', upstream, signal: entry };
  }
  const [at, latencyMs, epoch] = numbers.subarray(position * STRIDE) as unknown as [number, number, number];
  return {
    kind: 'signal',
    upstream,
    signal: { kind: 'outcome', at, backend: entry, outcome: 'ok', epoch, latencyMs, detail: '' },
  };
}
