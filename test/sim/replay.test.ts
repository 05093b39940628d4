import { describe, expect, it } from 'vitest';
import { replayCommand } from '../../src/cli/replay.ts';
import { EventLog } from '../../src/control/event-log.ts';
import { FlightRecorder, recordingOf } from '../../src/control/flight-recorder.ts';
import { type RecordedTransition, readLine, writeLine } from '../../src/model/recording.ts';
import type { Transition } from '../../src/model/transition.ts';
import { replay } from '../../src/sim/replay.ts';
import { generateScenario, type Scenario } from '../../src/sim/scenario.ts';
import { runSimulation } from '../../src/sim/simulation.ts';
import { VirtualClock } from '../../src/sim/virtual-clock.ts';
import { fakeWorld, fileWith } from '../unit/cli-main/support.ts';

interface Recorded {
  readonly text: string;
  readonly transitions: readonly Transition[];
}

/** The simulation's clock begins at 0, as this one: events get the wall-clock times of their instants. */
function record(scenario: Scenario, seed: string, segmentLength?: number): Recorded {
  const clock = new VirtualClock();
  const events = new EventLog(clock);
  const recorder = new FlightRecorder('simulated', segmentLength);
  const { transitions } = runSimulation(scenario, seed, {
    recorder,
    onTransition: (transition) => recorder.recordEvent(events.record('simulated', transition), transition.at),
  });
  return { text: [...recordingOf([recorder], '1.2.3', clock)].join('\n'), transitions };
}

function transitionsIn(text: string): RecordedTransition[] {
  return text
    .split('\n')
    .map(readLine)
    .filter((line) => line.kind === 'transition');
}

/** A run in which something happened. */
function recordEventful(): { readonly scenario: Scenario; readonly text: string } {
  for (let n = 0; ; n++) {
    const scenario = generateScenario(`${n}`);
    const { text, transitions } = record(scenario, `${n}`);
    if (transitions.filter(({ source }) => source === 'probe').length > 5) return { scenario, text };
  }
}

describe('a recording', () => {
  it('replays to the very transitions that were recorded, whatever a seed brings', () => {
    let transitions = 0;
    for (let n = 0; n < 40; n++) {
      const recorded = record(generateScenario(`${n}`), `${n}`);
      const { events, differences } = replay(recorded.text, null);
      expect(differences, `seed ${n}`).toEqual([]);
      const told = transitionsIn(recorded.text).map(({ kind: _, at_ms: __, ...event }) => event);
      expect(told).toHaveLength(recorded.transitions.length);
      expect(events).toEqual(told);
      transitions += events.length;
    }
    expect(transitions).toBeGreaterThan(500);
  });

  it('replays exactly although its beginning is gone, from the state that the engine had then', () => {
    let dropped = 0;
    for (let n = 0; n < 60; n++) {
      const recorded = record(generateScenario(`${n}`), `${n}`, 150);
      const { events, differences } = replay(recorded.text, null);
      expect(differences, `seed ${n}`).toEqual([]);
      expect(events.map(({ id }) => id)).toEqual(transitionsIn(recorded.text).map(({ id }) => id));
      dropped += recorded.transitions.length - events.length;
    }
    expect(dropped).toBeGreaterThan(500);
  });

  it('shows where the engine comes to something else', () => {
    const { text } = recordEventful();
    const first = transitionsIn(text)[0] as RecordedTransition;
    const forged = text.replace(writeLine(first), writeLine({ ...first, reason: 'a whim' }));
    const { events, differences } = replay(forged, null);
    expect(differences).toHaveLength(1);
    expect(differences[0]).toMatch(/^simulated: transition 1 of \d+ differs: recorded .*: a whim, replayed /);
    expect(events[0]).toMatchObject({ id: 0, reason: first.reason, backend: first.backend });
  });

  it('shows transitions that are missing, and ones that are too many', () => {
    const { text } = recordEventful();
    const last = transitionsIn(text).at(-1) as RecordedTransition;
    const without = text.replace(`\n${writeLine(last)}`, '');
    expect(replay(without, null).differences[0]).toContain('recorded nothing');
    expect(replay(`${text}\n${writeLine(last)}`, null).differences[0]).toContain('replayed nothing');
  });

  it('can be tried with other settings', () => {
    const { scenario, text } = recordEventful();
    const patient = { ...scenario.settings.health, probe: null, outliers: null, heartbeat: null };
    const { events } = replay(text, [{ ...scenario.settings, health: patient }]);
    expect(events.length).toBeLessThan(transitionsIn(text).length);
    expect(events.filter(({ source }) => source === 'probe')).toEqual([]);
    expect(() => replay(text, [])).toThrow('the configuration has no upstream "simulated"');
  });

  it.each([
    ['', 'line 1 must be the header of a recording'],
    ['{"kind":"signal"}', 'line 1 must be the header of a recording'],
    ['{"kind":"recording"', 'line 1 is not JSON'],
    ['{"kind":"recording"}\n{"kind":"signal","upstream":"x"}', 'line 2 does not fit: upstream "x" has no state yet'],
    ['{"kind":"recording"}\n{"kind":"recording"}', 'line 2 does not fit: a "recording" line stands in the middle'],
    ['{"kind":"recording"}\n{"kind":"state","engine":{"nodes":[]}}', 'line 2 does not fit'],
  ])('is refused where it is none: %s', (text, sentence) => {
    expect(() => replay(text, null)).toThrow(sentence);
  });
});

describe('pulsegate replay', () => {
  const command = replayCommand(async () => replay);

  it('prints the transitions as events --json does, and exits 0 when they are those recorded', async () => {
    const { text } = recordEventful();
    const { context, out, err } = fakeWorld();
    expect(await command([fileWith(text)], context)).toBe(0);
    const printed = out
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(printed).toEqual(transitionsIn(text).map(({ kind: _, at_ms: __, ...event }) => event));
    expect(err.join('')).toBe('');
  });

  it('exits 1 and says where they differ', async () => {
    const { text } = recordEventful();
    const { context, err } = fakeWorld();
    expect(await command([fileWith(text.replaceAll('"reason":"', '"reason":"not '))], context)).toBe(1);
    expect(err.join('')).toMatch(/^simulated: transition \d+ of \d+ differs/);
  });

  it.each([[[]], [['a', 'b']], [['--config', 'x']], [['nowhere.jsonl']]])('refuses %j', async (args) => {
    await expect(command(args, fakeWorld().context)).rejects.toThrow(/replay takes one|no such file/);
  });
});
