/**
 * The smallest useful JSONPath: `$`, then members `.name` and elements `[n]`, naming at most one value (RFC 9535 calls such
 * a query singular). No wildcards, filters, slices or quoted names.
 */

export interface JsonPath {
  /** As it was written. */
  readonly text: string;
  readonly steps: readonly (string | number)[];
}

/** Beyond RFC 9535's shorthand a name may hold hyphens: health pages are full of them. */
const PATH = /^\$(?:\.[A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*|\[\d{1,6}\])*$/;
const STEP = /\.([^.[]+)|\[(\d+)\]/g;

/** null when `text` is no such path. */
export function parseJsonPath(text: string): JsonPath | null {
  if (!PATH.test(text)) return null;
  const steps = Array.from(text.matchAll(STEP), ([, name, index]) => name ?? Number(index));
  return { text, steps };
}

/** The value at `path` in what JSON.parse returned; undefined when there is none. */
export function valueAt(root: unknown, { steps }: JsonPath): unknown {
  let value = root;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) !== (typeof step === 'number'))
      return undefined;
    // Own members only: `$.constructor` is not in the document.
    if (!Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
