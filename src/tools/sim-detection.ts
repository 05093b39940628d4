/**
 * `npm run sim:detection`: false removals and detection times at production's defaults, in virtual time. More `--seconds` show rarer
 * events; the same `--seed` begins with the same runs.
 */

import { parseArgs } from 'node:util';
import { systemClock } from '../platform/clock.ts';
import { endProcess, processArguments, writeOut } from '../platform/process.ts';
import { detectionTables } from '../sim/detection-table.ts';

const { values } = parseArgs({
  args: [...processArguments],
  options: { seed: { type: 'string', default: '1' }, seconds: { type: 'string', default: '60' } },
});

writeOut(detectionTables(systemClock, Number(values.seconds), values.seed));
endProcess(0);
