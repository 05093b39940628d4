/** What must be written once only. */

import { type Finding, formatPath, type Path } from './problem.ts';

/** What must be unique, and where it is written. */
export type Named = readonly (readonly [value: string, path: Path])[];

export function refuseRepeats(named: Named, what: string): Finding[] {
  const first = new Map<string, Path>();
  return named.flatMap(([value, path]): Finding[] => {
    const earlier = first.get(value);
    if (earlier !== undefined) {
      return [{ path, at: 'value', message: `has the same ${what} as ${formatPath(earlier)}` }];
    }
    first.set(value, path);
    return [];
  });
}
