/** The configuration's JSON Schema, for editors and for our own tables: derived from the schema, never written by hand. */

import { z } from 'zod';
import type { Path } from './problem.ts';
import { configSchema } from './schema.ts';

/** The parts of JSON Schema that the configuration uses. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | false;
}

export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, { target: 'draft-07', io: 'input' }) as JsonSchema;
  return { ...schema, title: 'Pulsegate configuration' };
}

/** The branch of `schema` that describes mappings, itself or among alternatives; undefined when it has none. */
export function mappingOf(schema: JsonSchema | undefined): JsonSchema | undefined {
  if (schema?.type === 'object') return schema;
  return schema?.anyOf?.map(mappingOf).find((branch) => branch !== undefined);
}

/** The branch of `schema` that describes lists. */
export function listOf(schema: JsonSchema | undefined): JsonSchema | undefined {
  if (schema?.type === 'array') return schema;
  return schema?.anyOf?.map(listOf).find((branch) => branch !== undefined);
}

/** The keys that the mapping at `path` may have. */
export function keysAt(schema: JsonSchema, path: Path): string[] {
  let node: JsonSchema | undefined = schema;
  for (const step of path) {
    const mapping: JsonSchema | undefined = mappingOf(node);
    if (typeof step === 'number') node = listOf(node)?.items;
    else node = mapping?.properties?.[step] ?? (mapping?.additionalProperties || undefined);
  }
  return Object.keys(mappingOf(node)?.properties ?? {});
}
