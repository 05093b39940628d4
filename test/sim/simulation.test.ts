import { describe, expect, it } from 'vitest';
import { STATUSES } from '../../src/model/status.ts';
import { generateScenario } from '../../src/sim/scenario.ts';
import { runSimulation } from '../../src/sim/simulation.ts';

const SEEDS =
  process.env.SIM_SEED === undefined ? Array.from({ length: 300 }, (_, n) => `${n}`) : [process.env.SIM_SEED];

describe('an upstream in virtual time', () => {
  it('keeps its invariants whatever a seed brings', () => {
    for (const seed of SEEDS) {
      const { violations } = runSimulation(generateScenario(seed), seed);
      const repeat = `repeat with: SIM_SEED=${seed} npx vitest run test/sim`;
      expect(violations.slice(0, 5), repeat).toEqual([]);
    }
  }, 60_000);

  it('runs the same way twice for the same seed, and another way for another', () => {
    const scenario = generateScenario('twice');
    const first = runSimulation(scenario, 'a');
    expect(runSimulation(scenario, 'a')).toEqual(first);
    expect(runSimulation(scenario, 'b')).not.toEqual(first);
  });

  it('visits every status within a hundred seeds, so that the checks above are not idle', () => {
    const visited = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const { transitions } = runSimulation(generateScenario(`${seed}`), `${seed}`);
      for (const { from, to } of transitions) visited.add(from).add(to);
    }
    expect([...visited].sort()).toEqual([...STATUSES].sort());
  });
});
