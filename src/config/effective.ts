/**
 * The configuration in force, in the file's own words: what was written, with every default beside it. References stay as they were
 * written and are never followed, and what is secret by its key is struck out, so that no secret can stand in it.
 */

import { type JsonSchema, listOf, mappingOf } from './json-schema.ts';
import type { Path } from './problem.ts';
import { isSecretKey, redact, STRUCK_OUT } from './secrets.ts';

/** A user name and password in a URL. */
const USER_INFO = /\/\/[^/@]*@/;

/**
 * @param written as the file has it, valid
 * @param secrets what references led to: struck out wherever else it stands
 */
export function effectiveOf(written: unknown, schema: JsonSchema, secrets: readonly string[]): unknown {
  function fill(value: unknown, node: JsonSchema | undefined, path: Path): unknown {
    if (value === undefined) return node?.default === undefined ? undefined : fill(node.default, node, path);
    if (typeof value === 'string') return shown(value, path);
    if (Array.isArray(value)) return value.map((item, index) => fill(item, listOf(node)?.items, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    const mapping = mappingOf(node);
    const known = Object.keys(mapping?.properties ?? {});
    const others = Object.keys(value).filter((key) => !known.includes(key));
    const entries = [...known, ...others].map((key) => {
      const below = mapping?.properties?.[key] ?? (mapping?.additionalProperties || undefined);
      return [key, fill((value as Record<string, unknown>)[key], below, [...path, key])];
    });
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
  }

  function shown(text: string, path: Path): string {
    if (isSecretKey(path) && !/^\$\{[^}]*\}$/.test(text)) return STRUCK_OUT;
    return redact(text, secrets).replace(USER_INFO, `//${STRUCK_OUT}@`);
  }

  return fill(written, schema, []);
}
