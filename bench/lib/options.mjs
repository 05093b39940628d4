/** Options that the benchmarks share, and what they say. */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** @param {string} text */
export function say(text) {
  process.stdout.write(`${text}\n`);
}

/** @param {string} text @returns {never} */
export function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

/**
 * The command line. `--help` prints what the script says of itself; what cannot be read ends the run with a sentence.
 * @template {import('node:util').ParseArgsOptionsConfig} T
 * @param {T} options
 * @returns {ReturnType<typeof parseArgs<{ options: T }>>['values']}
 */
export function readArguments(options) {
  if (process.argv.includes('--help')) {
    const [comment = ''] = readFileSync(process.argv[1] ?? '', 'utf8').split('*/', 1);
    say(comment.replace(/^\/\*\*\n?|^ \*( |$)/gm, '').trim());
    process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    const [sentence = ''] = error instanceof Error ? error.message.split('. ') : [];
    return fail(
      `${sentence}; there are ${Object.keys(options)
        .map((name) => `--${name}`)
        .join(', ')} and --help`,
    );
  }
}

/**
 * Those that are named, in their own order; all of them when `names` is undefined. A name that does not exist ends the run.
 * @template {{ name: string }} T
 * @param {readonly T[]} all @param {string | undefined} names separated by commas @param {string} what they are
 * @returns {T[]}
 */
export function chosen(all, names, what) {
  if (names === undefined) return [...all];
  const wanted = names.split(',');
  const unknown = wanted.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined)
    fail(`there is no ${what} ${unknown}; there are ${all.map(({ name }) => name).join(', ')}`);
  return all.filter(({ name }) => wanted.includes(name));
}

/** A positive number of an option, or the end of the run. @param {string} name @param {string} text */
export function positive(name, text) {
  const value = Number(text);
  if (!(value > 0)) fail(`--${name} must be a number above 0, received ${text}`);
  return value;
}

/** As people say it: `40 s`, `12 min`. @param {number} seconds */
export function duration(seconds) {
  return seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
