import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoadWeights } from '../../../src/health/load-weight.ts';
import type { LoadReport } from '../../../src/model/load.ts';
import { load, runUntil, settings } from './load-support.ts';

type Action =
  | { readonly kind: 'report'; readonly id: string; readonly report: LoadReport }
  | { readonly kind: 'restart'; readonly id: string }
  | { readonly kind: 'forget'; readonly id: string }
  | { readonly kind: 'base'; readonly id: string; readonly weight: number };

const id = fc.constantFrom('a', 'b', 'c', 'd');
const anyNumber = fc.oneof(fc.double(), fc.double({ min: 0, max: 1.5 }), fc.constantFrom(0, 1e308, 1e9, 5e-324));
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('report'),
      id,
      report: fc.tuple(anyNumber, anyNumber, anyNumber).map((n) => load(...n)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'forget' as const), id }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('base'), id, weight: fc.double({ min: 5e-324, noNaN: true }) }),
  },
);
const history = fc.array(fc.tuple(fc.oneof(fc.nat(300), fc.nat(20_000)), action), { maxLength: 60 });

function apply(target: LoadWeights, step: Action, at: number): void {
  if (step.kind === 'report') target.report(step.id, step.report, 'response', at);
  else if (step.kind === 'restart') target.restart(step.id, at);
  else if (step.kind === 'forget') target.forget(step.id, at);
  else target.setBaseWeight(step.id, step.weight, at);
}

describe('for any history', () => {
  it('factors stay in bounds, move at most 2x in a second, and deadlines lie ahead', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const target = new LoadWeights(settings);
        const trail = new Map<string, { at: number; factor: number }[]>();
        const check = (at: number): void => {
          const factors = target.factors(at);
          expect(target.nextDeadline()).toBeGreaterThan(at);
          for (const [backend, factor] of factors) {
            expect(factor).toBeGreaterThanOrEqual(1 / 4);
            expect(factor).toBeLessThanOrEqual(4);
            const past = trail.get(backend) ?? [];
            trail.set(backend, [...past, { at, factor }]);
            for (const earlier of past) {
              const doublings = Math.abs(Math.log2(factor / earlier.factor));
              // One step of 250 ms may have been due when the first of the two was seen.
              expect(doublings).toBeLessThanOrEqual((at - earlier.at + 250) / 1_000 + 1e-9);
            }
          }
        };
        let now = 0;
        for (const [waitMs, step] of steps) {
          const until = now + waitMs;
          for (let at = target.nextDeadline(); at <= until; at = target.nextDeadline()) check(at);
          now = until;
          apply(target, step, now);
          expect(target.nextDeadline()).toBeGreaterThan(now);
          if (step.kind === 'forget') trail.delete(step.id);
          check(now);
        }
        const calm = runUntil(target, now + settings.expiryMs + 10_000);
        expect([...calm.values()].every((factor) => factor === 1)).toBe(true);
        expect(target.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
      }),
      { numRuns: 300 },
    );
  });

  it('the same history gives the same factors', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const run = (): unknown => {
          const target = new LoadWeights(settings);
          let now = 0;
          for (const [waitMs, step] of steps) {
            now += waitMs;
            apply(target, step, now);
          }
          return [...runUntil(target, now + 15_000)];
        };
        expect(run()).toEqual(run());
      }),
      { numRuns: 100 },
    );
  });
});
