/**
 * What the contract names and the program does not have yet, in one table: never silently ignored, always refused with
 * the same words. Building a feature means giving its keys to the schema and deleting a line here.
 */

import type { Finding, Path } from './problem.ts';

/**
 * `keys` that the schema lacks, each with the written values that say what the program does anyway: those are taken
 * without a word. `values` of known keys. `*` stands for any name or list position.
 */
const UNAVAILABLE = {
  keys: {
    workers: [1],
    hooks: [],
    'listeners.*.protocol': ['http'],
    'listeners.*.tls': [],
    'listeners.*.http2': [false],
    'listeners.*.cleartext_http2': [false],
    'listeners.*.proxy_protocol': [false],
    'listeners.*.timeouts.handshake': [],
    'upstreams.*.discovery': [null],
    'upstreams.*.hash_on': [null],
    'upstreams.*.retry.hedge': [null],
    'upstreams.*.limits.requests': [null],
    'upstreams.*.sticky': [null],
    'upstreams.*.protocol': ['http1'],
    'upstreams.*.tls': [],
    'upstreams.*.alerts': [],
    'upstreams.*.require_role': [null],
  },
  values: {
    'upstreams.*.balance': ['peak_ewma', 'prequal', 'ring_hash', 'maglev', 'first'],
  },
} as const satisfies Readonly<Record<'keys' | 'values', Readonly<Record<string, readonly unknown[]>>>>;

/** Refuses what is not available in `root`, and removes from it the keys whose values change nothing. */
export function refuseUnavailable(root: unknown): Finding[] {
  const findings: Finding[] = [];
  const message = 'not available yet';
  for (const [pattern, inert] of Object.entries<readonly unknown[]>(UNAVAILABLE.keys)) {
    for (const { path, parent, key } of placesOf(root, pattern.split('.'), [])) {
      if (inert.includes(parent[key])) delete parent[key];
      else findings.push({ path, at: 'key', message });
    }
  }
  for (const [pattern, values] of Object.entries<readonly unknown[]>(UNAVAILABLE.values)) {
    for (const { path, parent, key } of placesOf(root, pattern.split('.'), [])) {
      if (values.includes(parent[key])) findings.push({ path, at: 'value', message });
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
