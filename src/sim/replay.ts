/**
 * Feeds a recording to the engine again: the recorded state, then every signal in its order. The engine is deterministic (I7), so
 * it must come to the transitions that were recorded; where it does not, one of the two is wrong, and this says where.
 *
 * With other settings the question is what would have happened: engines then begin anew with the recorded backends, keep their
 * own deadlines, and take every outcome for one of the present.
 */

import { HealthEngine } from '../health/engine.ts';
import { restoreEngine } from '../health/engine-state.ts';
import { UsageError } from '../model/errors.ts';
import { eventOf, type HealthEvent } from '../model/event.ts';
import {
  type RecordedState,
  type RecordedTransition,
  type RecordingHeader,
  type RecordingLine,
  readLine,
} from '../model/recording.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import type { Signal } from '../model/signal.ts';
import type { Transition } from '../model/transition.ts';

export interface Replayed {
  /** What the engine came to, in the order of time. */
  readonly events: readonly HealthEvent[];
  /** The first difference of each upstream, for people. */
  readonly differences: readonly string[];
}

/**
 * @param settings null = as recorded. Throws UsageError when the text is no recording, or an upstream has no settings.
 */
export function replay(text: string, settings: readonly UpstreamSettings[] | null): Replayed {
  const [header, ...lines] = readLines(text);
  if (header?.kind !== 'recording') throw new UsageError('Cannot replay: line 1 must be the header of a recording.');
  const upstreams = new Map<string, UpstreamReplay>();
  lines.forEach((line, index) => {
    try {
      feed(line, upstreams, settings);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`Cannot replay: line ${index + 2} does not fit: ${(error as Error).message}.`);
    }
  });
  const replays = [...upstreams.values()];
  return {
    events: replays
      .flatMap((one) => one.events(header))
      .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.id - b.id)),
    differences: replays.flatMap((one) => one.difference() ?? []),
  };
}

function readLines(text: string): RecordingLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      try {
        return readLine(line);
      } catch {
        throw new UsageError(`Cannot replay: line ${index + 1} is not JSON.`);
      }
    });
}

function feed(
  line: RecordingLine,
  upstreams: Map<string, UpstreamReplay>,
  settings: readonly UpstreamSettings[] | null,
): void {
  switch (line.kind) {
    case 'state':
      upstreams.set(line.upstream, new UpstreamReplay(line, settings));
      return;
    case 'signal':
      replayOf(line.upstream, upstreams).step(line.signal);
      return;
    case 'transition':
      replayOf(line.upstream, upstreams).recorded.push(line);
      return;
    default:
      throw new TypeError(`a ${JSON.stringify(line.kind)} line stands in the middle`);
  }
}

function replayOf(upstream: string, upstreams: ReadonlyMap<string, UpstreamReplay>): UpstreamReplay {
  const found = upstreams.get(upstream);
  if (found === undefined) throw new TypeError(`upstream ${JSON.stringify(upstream)} has no state yet`);
  return found;
}

class UpstreamReplay {
  readonly recorded: RecordedTransition[] = [];
  private readonly name: string;
  private readonly engine: HealthEngine;
  /** Settings other than those recorded. */
  private readonly isOther: boolean;
  private readonly replayed: Transition[] = [];

  constructor({ upstream, engine }: RecordedState, settings: readonly UpstreamSettings[] | null) {
    this.name = upstream;
    this.isOther = settings !== null;
    const recorded = restoreEngine(engine);
    this.engine = settings === null ? recorded : startAnew(recorded, upstream, settings);
  }

  step(signal: Signal): void {
    if (this.isOther) this.stepAsOther(signal);
    else this.replayed.push(...this.engine.step(signal));
  }

  /** Deadlines and epochs are this engine's own. */
  private stepAsOther(signal: Signal): void {
    const { engine, replayed } = this;
    for (let at = engine.nextDeadline(); at <= signal.at; at = engine.nextDeadline()) {
      replayed.push(...engine.step({ kind: 'tick', at }));
    }
    const hasEpoch = signal.kind === 'outcome' || signal.kind === 'trial';
    const epoch = hasEpoch ? engine.record(signal.backend)?.epoch : undefined;
    replayed.push(...engine.step(hasEpoch && epoch !== undefined ? { ...signal, epoch } : signal));
  }

  /** Numbered and timed as those recorded, where they are the same. */
  events({ wall_offset_ms }: RecordingHeader): HealthEvent[] {
    return this.replayed.map((transition, index) => {
      const twin = this.recorded[index];
      const at = new Date(Math.round(wall_offset_ms + transition.at)).toISOString();
      const isSame = twin !== undefined && isTwin(transition, twin);
      return eventOf(isSame ? twin.id : 0, isSame ? twin.at : at, this.name, transition);
    });
  }

  difference(): string | null {
    const { recorded, replayed, name } = this;
    const length = Math.max(recorded.length, replayed.length);
    for (let index = 0; index < length; index++) {
      const [before, now] = [recorded[index], replayed[index]];
      if (before !== undefined && now !== undefined && isTwin(now, before)) continue;
      return `${name}: transition ${index + 1} of ${recorded.length} differs: recorded ${told(before)}, replayed ${told(now)}`;
    }
    return null;
  }
}

function startAnew(recorded: HealthEngine, name: string, settings: readonly UpstreamSettings[]): HealthEngine {
  const own = settings.find((upstream) => upstream.name === name);
  if (own === undefined) throw new UsageError(`Cannot replay: the configuration has no upstream "${name}".`);
  const specs = recorded.views().map(({ id }) => recorded.record(id)?.spec ?? []);
  return new HealthEngine(own.health, specs.flat(), recorded.lastAtMs);
}

function isTwin(replayed: Transition, recorded: RecordedTransition): boolean {
  return (
    replayed.at === recorded.at_ms &&
    replayed.backend === recorded.backend &&
    replayed.from === recorded.from &&
    replayed.to === recorded.to &&
    replayed.reason === recorded.reason &&
    replayed.source === recorded.source
  );
}

function told(transition: Transition | RecordedTransition | undefined): string {
  if (transition === undefined) return 'nothing';
  const { backend, from, to, reason } = transition;
  const atMs = 'at_ms' in transition ? transition.at_ms : transition.at;
  return `${backend} ${from} -> ${to} at ${atMs.toFixed(3)} ms: ${reason}`;
}
