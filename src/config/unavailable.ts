/**
 * What the contract names and the program does not have yet, in one table: never silently ignored, always refused with
 * the same words. Building a feature means giving its keys to the schema and deleting a line here.
 */

import type { Finding, Path } from './problem.ts';

/**
 * Keys that the schema lacks, each with the written values that say what the program does anyway: those are taken
 * without a word. `*` stands for any name or list position.
 */
const UNAVAILABLE: Readonly<Record<string, readonly unknown[]>> = {};

/** Refuses what is not available in `root`, and removes from it the keys whose values change nothing. */
export function refuseUnavailable(root: unknown): Finding[] {
  const findings: Finding[] = [];
  for (const [pattern, inert] of Object.entries(UNAVAILABLE)) {
    for (const { path, parent, key } of placesOf(root, pattern.split('.'), [])) {
      if (inert.includes(parent[key])) delete parent[key];
      else findings.push({ path, at: 'key', message: 'not available yet' });
    }
  }
  return findings;
}

interface Place {
  readonly path: Path;
  readonly parent: Record<string, unknown>;
  readonly key: string;
}

/** Every place in `node` that the pattern names. */
function placesOf(node: unknown, pattern: readonly string[], path: Path): Place[] {
  if (typeof node !== 'object' || node === null) return [];
  const [step = '', ...rest] = pattern;
  const parent = node as Record<string, unknown>;
  const keys = step === '*' ? Object.keys(parent) : [step].filter((key) => Object.hasOwn(parent, key));
  return keys.flatMap((key) => {
    const below = [...path, Array.isArray(node) ? Number(key) : key];
    return rest.length === 0 ? [{ path: below, parent, key }] : placesOf(parent[key], rest, below);
  });
}
