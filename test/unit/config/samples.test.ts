import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { configJsonSchema, type JsonSchema, keysAt } from '../../../src/config/json-schema.ts';
import { renderReferencePage } from '../../../src/config/reference-page.ts';
import { settingsOf } from './support.ts';

function textOf(name: string): string {
  return readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');
}

/** Every schema under a key, with its path. */
function keysOf(schema: JsonSchema, path: string): [string, JsonSchema][] {
  const children = [schema.items, schema.additionalProperties || undefined, ...(schema.anyOf ?? [])];
  return [
    ...children.flatMap((child) => (child === undefined ? [] : keysOf(child, path))),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, value]): [string, JsonSchema][] => [
      [`${path}.${name}`, value],
      ...keysOf(value, `${path}.${name}`),
    ]),
  ];
}

describe('the sample configurations', () => {
  test.each(['minimal', 'full', 'demo'])('%s.yaml loads, and its JSON Schema agrees', (name) => {
    const text = textOf(`config/${name}.yaml`);
    settingsOf(text);
    const byJsonSchema = z.fromJSONSchema(JSON.parse(textOf('config/pulsegate.schema.json')));
    expect(byJsonSchema.safeParse(parse(text)).error?.issues).toBeUndefined();
  });

  test('full.yaml has every key', () => {
    const full = textOf('config/full.yaml');
    const missing = keysOf(configJsonSchema(), '').filter(
      ([path]) => !new RegExp(`\\b${path.split('.').at(-1)}:`).test(full),
    );
    expect(missing.map(([path]) => path)).toEqual([]);
  });

  test('demo.yaml has the backends and the control that the demo starts', () => {
    const { upstreams, listeners, admin } = settingsOf(textOf('config/demo.yaml'));
    const [demo, control] = upstreams;
    expect(demo?.backends.map(({ id, port }) => [id, port])).toEqual([
      ['a', 9101],
      ['b', 9102],
      ['c', 9103],
      ['d', 9104],
    ]);
    expect(control).toMatchObject({ name: 'demo_control', health: { probe: null }, backends: [{ port: 9100 }] });
    expect(listeners[0]?.routes.map(({ path, upstream }) => [path, upstream])).toEqual([
      ['/__demo/', 'demo_control'],
      ['/', 'demo'],
    ]);
    expect(admin?.bind).toMatchObject({ port: 8081 });
  });
});

describe('the JSON Schema', () => {
  test('refuses what the validator refuses', () => {
    const byJsonSchema = z.fromJSONSchema(JSON.parse(textOf('config/pulsegate.schema.json')));
    expect(byJsonSchema.safeParse({ listeners: [], upstreams: {}, nonsense: 1 }).success).toBe(false);
  });

  test('has a sentence for every key', () => {
    const silent = keysOf(configJsonSchema(), '').filter(([, schema]) => !schema.description?.endsWith('.'));
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  test('knows the keys of a mapping inside lists, names and alternatives', () => {
    const schema = configJsonSchema();
    expect(keysAt(schema, [])).toContain('listeners');
    expect(keysAt(schema, ['upstreams', 'app', 'probe', 'expect'])).toEqual(['status', 'body', 'header', 'json']);
    expect(keysAt(schema, ['upstreams', 'app', 'backends', 3])).toContain('weight');
    expect(keysAt(schema, ['nowhere', 2, 'at', 'all'])).toEqual([]);
  });

  test.each([
    ['config/pulsegate.schema.json', () => `${JSON.stringify(configJsonSchema(), null, 2)}\n`],
    ['docs/configuration.md', () => renderReferencePage(configJsonSchema())],
  ])('%s is what the schema says now', (name, render) => {
    expect(textOf(name)).toBe(render());
  });
});
