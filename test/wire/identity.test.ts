/** Whose request it is, and for which host. */

import { describe, it } from 'vitest';
import { runCase } from './run-case.ts';
import { loadCases } from './wire-case.ts';

for (const wireCase of loadCases('identity')) {
  describe(wireCase.name, () => {
    it('in one piece', () => runCase(wireCase, false));
    if (wireCase.trickles) it('byte by byte', () => runCase(wireCase, true));
  });
}
