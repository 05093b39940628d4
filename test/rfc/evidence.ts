/**
 * Which tests say that they prove a row of the tables, found without running them: byte scripts by their `proves:` line,
 * other test files by the ids in their strings. Assumes that ids stand in strings for no other reason.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadScripts } from '../wire/wire-case.ts';

export const ROOT = join(import.meta.dirname, '../..');

/** A file that holds tests, and the ids of the rows that they prove. */
export interface Source {
  /** From the root, with forward slashes. */
  readonly file: string;
  /** The test file that runs it: itself, unless it is a byte script. */
  readonly runBy: string;
  /** Names of its tests begin with this; '' when it has its test file for itself. */
  readonly title: string;
  readonly ids: ReadonlySet<string>;
}

const SCRIPT_FOLDERS = ['framing', 'identity', 'path', 'response'];

const COMMENT = /\/\*.*?\*\/|(?<=^|\s)\/\/.*?$/gms;
const STRING = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/gs;

/** The ids that a text mentions as words of their own. */
export function idsIn(text: string): string[] {
  return text.match(/(?<![\w%\\.-])[RF]\d{1,3}[a-z]?(?![\w.-])/g) ?? [];
}

export function findSources(): Source[] {
  const scripts = SCRIPT_FOLDERS.flatMap((folder) =>
    loadScripts(folder).map(({ file, title }) => ({
      file: `test/wire/${file}`,
      runBy: `test/wire/${folder}.test.ts`,
      title,
      ids: new Set(idsIn(title)),
    })),
  );
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .map((name) => `test/${name.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.test.ts') && !file.startsWith('test/rfc/'))
    .sort()
    .map((file) => ({ file, runBy: file, title: '', ids: idsOfFile(readFileSync(join(ROOT, file), 'utf8')) }));
  return [...scripts, ...files.filter(({ ids }) => ids.size > 0)];
}

function idsOfFile(text: string): Set<string> {
  const strings = text.replace(COMMENT, '').match(STRING) ?? [];
  return new Set(strings.flatMap(idsIn));
}
