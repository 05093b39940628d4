import { describe, expect, it } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import { type ArenaFigures, type Contender, playCase } from '../../src/sim/arena.ts';
import { ArenaBackend } from '../../src/sim/arena-backend.ts';
import { ARENA_CASES, type ArenaCase } from '../../src/sim/arena-case.ts';
import { Timeline } from '../../src/sim/arena-timeline.ts';

const SHORT = { warmUpMs: 2_000, measuredMs: 6_000 };

function caseOf(kind: string, backends: number, proxies: number): ArenaCase {
  const found = ARENA_CASES.find((one) => one.kind === kind && one.backends === backends && one.proxies === proxies);
  if (found === undefined) throw new Error(`there is no case ${kind}, ${backends}, ${proxies}`);
  return found;
}

function p99({ latenciesMs }: ArenaFigures): number {
  return latenciesMs[Math.floor(latenciesMs.length * 0.99)] as number;
}

/** The better of the two that know everything. */
function floorOf(arenaCase: ArenaCase): number {
  return Math.min(
    ...(['oracle_soonest', 'oracle_level'] as const).map((oracle) => p99(playCase(arenaCase, oracle, 'seed', SHORT))),
  );
}

describe('the arena', () => {
  it('does the same again from the same seed', () => {
    const play = () =>
      playCase(caseOf('antagonist', 10, 4), 'least_request', 'again', { warmUpMs: 500, measuredMs: 500 });
    expect(play()).toEqual(play());
  });

  it('keeps what acts first first', () => {
    const rng = createRng('timeline');
    const timeline = new Timeline(20);
    const instants = Array.from({ length: 20 }, () => Number.POSITIVE_INFINITY);
    expect(timeline.firstAtMs).toBe(Number.POSITIVE_INFINITY);
    for (let n = 0; n < 5_000; n++) {
      const source = rng.below(20);
      const atMs = rng.below(10) === 0 ? Number.POSITIVE_INFINITY : rng.next();
      instants[source] = atMs;
      timeline.set(source, atMs);
      expect(timeline.firstAtMs).toBe(Math.min(...instants));
      expect(instants[timeline.first]).toBe(timeline.firstAtMs);
    }
  });

  it('shares processors: two requests on one core take twice as long, on two cores no longer', () => {
    for (const [cores, endMs] of [
      [1, 20],
      [2, 10],
    ] as const) {
      const backend = new ArenaBackend(cores, 1);
      backend.add({ workMs: 10 }, 0);
      backend.add({ workMs: 10 }, 0);
      expect(backend.nextEndMs()).toBeCloseTo(endMs);
    }
  });

  it('agrees with queueing theory: random choice makes of each backend an M/M/1 queue', () => {
    const one: ArenaCase = { ...caseOf('equal machines', 100, 1), cores: 1, load: 0.7, reports: 'none' };
    const { latenciesMs } = playCase(one, 'random', 'theory', { warmUpMs: 5_000, measuredMs: 20_000 });
    const meanMs = latenciesMs.reduce((sum, latencyMs) => sum + latencyMs, 0) / latenciesMs.length;
    // E[T] = work / (1 - load)
    expect(meanMs / (10 / (1 - 0.7))).toBeGreaterThan(0.95);
    expect(meanMs / (10 / (1 - 0.7))).toBeLessThan(1.05);
  });
});

/** With room for the shorter run; the whole table is in docs/balancing.md. */
describe('the default policy', () => {
  it.each([
    ['equal machines', 10, 1, 1.25],
    ['equal machines', 10, 16, 1.6],
    ['half at half speed, no reports', 10, 1, 1.25],
    ['half at half speed, no reports', 10, 16, 1.6],
    ['antagonist, a fifth lies', 3, 1, 1.25],
    ['antagonist, a fifth lies', 10, 16, 1.6],
    ['cold restarts', 10, 4, 1.6],
  ])('%s, %i backends, %i proxies: p99 within %f times the oracle', (kind, backends, proxies, bound) => {
    const arenaCase = caseOf(kind, backends, proxies);
    const ratio = p99(playCase(arenaCase, 'least_request', 'seed', SHORT)) / floorOf(arenaCase);
    expect(ratio).toBeLessThan(bound * 1.1);
  });

  it('is where round robin breaks: a fifth of the backends at half speed', () => {
    const arenaCase = caseOf('antagonist', 10, 1);
    const [robin, weighted, least] = (['round_robin', 'weighted_round_robin', 'least_request'] as Contender[]).map(
      (policy) => p99(playCase(arenaCase, policy, 'seed', SHORT)),
    ) as [number, number, number];
    expect(robin).toBeGreaterThan(5 * least);
    expect(weighted).toBeGreaterThan(5 * least);
  });

  it.each(['round_robin', 'weighted_round_robin', 'random', 'least_request', 'peak_ewma', 'prequal'] as const)(
    'a black hole gets at most twice its share under %s, and costs no answers',
    (policy) => {
      const { attraction, errors, requests } = playCase(caseOf('black hole', 10, 4), policy, 'hole', SHORT);
      expect(attraction).toBeLessThan(2);
      expect(errors / requests).toBeLessThan(0.01);
    },
  );
});
