/** A configuration file, read and validated for a command: settings, or problems on stderr. */

import { readFileSync } from 'node:fs';
import { type Loaded, loadSettings } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { CommandContext } from './context.ts';
import { readText } from './read-text.ts';

/** null when the file is invalid: every problem is on stderr then. Throws UsageError when it cannot be read. */
export function loadConfigFile(file: string, context: CommandContext): Extract<Loaded, { ok: true }> | null {
  const loaded = loadSettings(file, readText(file, 'configuration', '; name one with -c FILE'), {
    env: context.env,
    readFile: (path) => readFileSync(path, 'utf8'),
  });
  if (loaded.ok) return loaded;
  context.err(loaded.problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
  return null;
}
