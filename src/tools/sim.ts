/**
 * `npm run sim`: generated scenarios, one after the other, with the invariants checked after every event, until a bound is
 * reached or a seed breaks one. New seeds every time; a seed that fails is printed with the command that repeats it.
 */

import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { systemClock } from '../platform/clock.ts';
import { endProcess, processArguments, writeError, writeOut } from '../platform/process.ts';
import { generateScenario } from '../sim/scenario.ts';
import { runSimulation } from '../sim/simulation.ts';

const SHOWN_VIOLATIONS = 5;

const { values } = parseArgs({
  args: [...processArguments],
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
  },
});

const bounds = { seeds: Number(values.seeds), seconds: Number(values.seconds) };

/** Yields one seed when it was asked for, else new ones until a bound is reached. */
function* seeds(): Generator<string> {
  if (values.seed !== undefined) {
    yield values.seed;
    return;
  }
  const batch = randomBytes(4).toString('hex');
  const endMs = systemClock.now() + bounds.seconds * 1_000;
  for (let n = 0; n < bounds.seeds && systemClock.now() < endMs; n++) yield `${batch}-${n}`;
}

function main(): number {
  if (!(bounds.seeds > 0 && bounds.seconds > 0)) {
    writeError('--seeds and --seconds must be numbers above 0\n');
    return 2;
  }
  let runs = 0;
  let transitions = 0;
  for (const seed of seeds()) {
    const result = runSimulation(generateScenario(seed), seed);
    if (result.violations.length > 0) {
      const shown = result.violations.slice(0, SHOWN_VIOLATIONS).map((sentence) => `  ${sentence}\n`);
      writeError(`Seed ${seed} breaks invariants; repeat with: npm run sim -- --seed ${seed}\n${shown.join('')}`);
      return 1;
    }
    runs += 1;
    transitions += result.transitions.length;
  }
  writeOut(`${runs} seeds, ${transitions} transitions, no invariant broken\n`);
  return 0;
}

endProcess(main());
