/** A configuration file, read and validated for a command: settings, or problems on stderr. */

import { readFileSync } from 'node:fs';
import { type Loaded, loadSettings } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { UsageError } from '../model/errors.ts';
import type { CommandContext } from './context.ts';

/** null when the file is invalid: every problem is on stderr then. Throws UsageError when it cannot be read. */
export function loadConfigFile(file: string, context: CommandContext): Extract<Loaded, { ok: true }> | null {
  const loaded = loadSettings(file, readConfigFile(file), {
    env: context.env,
    readFile: (path) => readFileSync(path, 'utf8'),
  });
  if (loaded.ok) return loaded;
  context.err(loaded.problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
  return null;
}

function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file; name one with -c FILE' : code;
    throw new UsageError(`Cannot read the configuration ${file}: ${why}`);
  }
}
