import { describe, expect, it } from 'vitest';
import { STATUSES } from '../../src/model/status.ts';
import { generateScenario } from '../../src/sim/scenario.ts';
import { runSimulation } from '../../src/sim/simulation.ts';

const BATCH = 250;
const BATCHES = 8;

/** Each batch is a test of its own, so that a slow machine needs no longer time limit. */
const FIRST_SEEDS = Array.from({ length: BATCHES }, (_, batch) => batch * BATCH);

function checkSeed(seed: string): void {
  const { violations } = runSimulation(generateScenario(seed), seed);
  expect(violations.slice(0, 5), `repeat with: SIM_SEED=${seed} npx vitest run test/sim`).toEqual([]);
}

describe('an upstream in virtual time', () => {
  const { SIM_SEED } = process.env;
  it.runIf(SIM_SEED !== undefined)(`keeps its invariants with seed ${SIM_SEED}`, () => checkSeed(SIM_SEED as string));

  it.skipIf(SIM_SEED !== undefined).each(FIRST_SEEDS)(
    'keeps its invariants whatever 250 seeds from %d bring',
    { timeout: 60_000 },
    (first) => {
      for (let seed = first; seed < first + BATCH; seed++) checkSeed(`${seed}`);
    },
  );

  it('runs the same way twice for the same seed, and another way for another', () => {
    const scenario = generateScenario('twice');
    const first = runSimulation(scenario, 'a');
    expect(runSimulation(scenario, 'a')).toEqual(first);
    expect(runSimulation(scenario, 'b')).not.toEqual(first);
  });

  it('visits every status, owed to every source, within a hundred seeds, so that the checks above are not idle', () => {
    const visited = new Set<string>();
    const owed = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const { transitions } = runSimulation(generateScenario(`${seed}`), `${seed}`);
      for (const { from, to, source } of transitions) {
        visited.add(from).add(to);
        owed.add(source);
      }
    }
    expect([...visited].sort()).toEqual([...STATUSES].sort());
    expect([...owed].sort()).toEqual(['budget', 'heartbeat', 'operator', 'outcomes', 'probe', 'self']);
  });
});
