#!/usr/bin/env node
/**
 * What npm links as `pulsegate`. A Node.js that is too old gets one clear line instead of a stack: the program is loaded only
 * after that, since it imports what such a version does not have. Invariant: nothing here needs more than an old one offers.
 */

import { endProcess, nodeVersion, writeError } from './platform/process.ts';

/** The `engines` of package.json. */
const OLDEST = [20, 19] as const;

const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) {
  await import('./main.ts');
} else {
  writeError(`Cannot run on Node.js ${nodeVersion}: pulsegate needs ${OLDEST.join('.')} or newer.\n`);
  endProcess(1);
}
