import { readFileSync } from 'node:fs';
import { UsageError } from '../model/errors.ts';

/**
 * The text of a file that the user named. Throws UsageError when it cannot be read.
 * @param what it is, for people
 * @param hint what to do when there is none
 */
export function readText(file: string, what: string, hint = ''): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? `there is no such file${hint}` : code;
    throw new UsageError(`Cannot read the ${what} ${file}: ${why}`);
  }
}
