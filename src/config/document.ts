/**
 * A YAML 1.2 file as plain data that still knows where everything was written. What YAML allows and a configuration
 * does not need is refused: duplicate keys, anchors and aliases, custom tags, several documents, `__proto__`.
 */

import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { Path } from './problem.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlFault extends Position {
  readonly message: string;
}

export type ParsedYaml =
  | { readonly ok: true; readonly value: unknown; readonly locate: Locate }
  | { readonly ok: false; readonly faults: readonly YamlFault[] };

/** Where the key or the value at `path` stands; for what is missing, where the nearest thing around it stands. */
export type Locate = (path: Path, at: 'key' | 'value') => Position;

export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
    lineCounter: lines,
  });
  const faults: YamlFault[] = [];
  const report = (offset: number, message: string) => faults.push({ ...positionAt(lines, offset), message });

  for (const { pos, message } of [...document.errors, ...document.warnings]) report(pos[0], message);
  visit(document, {
    Alias: (_, alias) => {
      report(alias.range?.[0] ?? 0, 'anchors and aliases are not supported: write the value out');
    },
    Pair: (_, { key }) => {
      if (isScalar(key) && key.value === '__proto__') report(key.range?.[0] ?? 0, 'a key must not be "__proto__"');
    },
  });
  if (faults.length > 0) return { ok: false, faults };

  const root = document.contents as Node | null;
  return {
    ok: true,
    value: document.toJS({ maxAliasCount: 0 }) as unknown,
    locate: (path, at) => positionAt(lines, offsetOf(root, path, at)),
  };
}

function offsetOf(root: Node | null, path: Path, at: 'key' | 'value'): number {
  let node = root;
  let offset = root?.range?.[0] ?? 0;
  for (const [index, step] of path.entries()) {
    const isLast = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (pair === undefined) break;
      const key = pair.key as Node;
      node = pair.value as Node | null;
      const pointed = isLast && at === 'key' ? key : (node ?? key);
      offset = pointed.range?.[0] ?? offset;
    } else if (isSeq(node) && typeof step === 'number') {
      node = (node.items[step] as Node | undefined) ?? null;
      offset = node?.range?.[0] ?? offset;
    } else {
      break;
    }
  }
  return offset;
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}
