/** The path that chose the route is the path that the backend sees. */

import { describe, it } from 'vitest';
import { runCase } from './run-case.ts';
import { loadCases } from './wire-case.ts';

for (const wireCase of loadCases('path')) {
  describe(wireCase.name, () => {
    it('in one piece', () => runCase(wireCase, false));
    if (wireCase.trickles) it('byte by byte', () => runCase(wireCase, true));
  });
}
