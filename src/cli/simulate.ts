/** `simulate SCENARIO.yaml [--seed SEED] [--json]`: policies compared in virtual time. */

import { UsageError } from '../model/errors.ts';
import { readArguments } from './args.ts';
import type { Command } from './context.ts';
import { readText } from './read-text.ts';

export type Simulate = (
  file: string,
  text: string,
  seed: string,
) =>
  | { readonly ok: true; readonly table: string; readonly report: object; readonly violations: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** @param load gets the simulator, which nothing else of the program needs */
export function simulateCommand(load: () => Promise<Simulate>): Command {
  return async (args, context) => {
    const { values, positionals } = readArguments({
      args: [...args],
      options: { seed: { type: 'string', default: '1' }, json: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    const [file, ...rest] = positionals;
    if (file === undefined || rest.length > 0) throw new UsageError('simulate takes one SCENARIO.yaml.');
    const simulate = await load();
    const simulated = simulate(file, readText(file, 'scenario'), values.seed);
    if (!simulated.ok) {
      context.err(simulated.problems.map((problem) => `${problem}\n`).join(''));
      return 2;
    }
    context.out(values.json ? `${JSON.stringify(simulated.report)}\n` : simulated.table);
    context.err(simulated.violations.map((sentence) => `broken invariant, a bug of ours: ${sentence}\n`).join(''));
    return simulated.violations.length === 0 ? 0 : 1;
  };
}
