/** The shape of the code, held by machine: who may import whom, what only platform/ may touch, how files open. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** What a folder may import besides itself. The rows of ARCHITECTURE.md. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: ['base'],
  health: ['base', 'model'],
  pool: ['base', 'model'],
  pick: ['base', 'model'],
  http1: ['base'],
  http2: ['base', 'http1'],
  tls: ['base', 'model'],
  metrics: ['base', 'model'],
  control: ['base', 'model', 'health', 'pool', 'pick', 'tls', 'metrics'],
  proxy: ['base', 'model', 'http1', 'http2', 'tls', 'metrics'],
  hooks: ['base', 'model'],
  admin: ['base', 'model', 'config', 'metrics'],
  // For the browser: types only, as the rule below holds it to.
  dashboard: ['model'],
  cli: ['base', 'model', 'config', 'sender'],
  config: ['base', 'model'],
  demo: ['base', 'model', 'sender'],
  workers: ['base', 'model', 'health', 'pool', 'control', 'tls', 'metrics', 'proxy', 'platform'],
  sender: [],
  // Of the data plane, what decides without sockets: the retry rule and its budget.
  sim: ['base', 'model', 'config', 'health', 'pool', 'pick', 'control', 'proxy'],
  platform: ['base', 'model'],
  tools: ['config', 'platform', 'sim'],
  // The composition root: everything that runs in production.
  src: [
    ...['base', 'model', 'health', 'pool', 'pick', 'http1', 'control', 'proxy', 'admin', 'cli', 'config', 'demo'],
    'platform',
    'tls',
    'workers',
    'hooks',
    'metrics',
  ],
};

/** Outside platform/ these would tie the code to this machine and this moment. */
const BANNED: readonly (readonly [pattern: RegExp, wayOut: string])[] = [
  [/\bDate\.now\b|\bnew Date\(\)/, 'take a Clock: clock.wall() for people, clock.now() for decisions'],
  [/\bperformance\.now\b/, 'take a Clock: clock.now()'],
  [/(?<!(?<!globalThis)\.)\b(setTimeout|setInterval)\b/, 'take a Clock: clock.at()'],
  [/\bMath\.random\b/, 'take an Rng: rng.next(), rng.below()'],
  [/\bprocess\.(env|argv|exit|stdout|stderr|on)\b/, 'take it as an argument; platform/process.ts hands it to main.ts'],
  [/\bconsole\.\w+/, 'take a Log, or return what is to be printed'],
];

/** What a browser runs, and what backends import: neither runs in this program, where a Clock could be taken. */
const RUN_ELSEWHERE = /^src\/(dashboard\/|sender\/heartbeat\.ts$)/;

const LONGEST_FILE = 300;

interface SourceFile {
  /** From the root, with forward slashes. */
  readonly name: string;
  readonly folder: string;
  readonly text: string;
  /** Names of the files of this project that it imports. */
  readonly imports: readonly string[];
  /** Those of them that it imports at run time. */
  readonly needs: readonly string[];
}

const sources = readSources('src');
const tests = readSources('test');

function readSources(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => {
      const path = join(ROOT, folder, name);
      const text = readFileSync(path, 'utf8');
      const imports = importsOf(path, text);
      // Type-only imports are erased: two types of one folder may know each other.
      const needs = importsOf(path, text.replace(/^(import|export) type [^;]*;/gm, ''));
      return { name: nameOf(path), folder: folderOf(nameOf(path)), text, imports, needs };
    });
}

function importsOf(path: string, text: string): string[] {
  const specifiers = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g);
  return [...specifiers].map(([, specifier]) => nameOf(join(dirname(path), specifier as string)));
}

function nameOf(path: string): string {
  return relative(ROOT, path).replaceAll('\\', '/');
}

/** `src/proxy/router.ts` is in proxy, `src/app.ts` in src. */
function folderOf(name: string): string {
  const [top = '', second = ''] = name.split('/');
  return /\.tsx?$/.test(second) ? top : second;
}

/** Code without comments, so that a comment may name what the code may not use. Line breaks stay. */
function codeOf(text: string): string {
  return text.replace(/\/\*.*?\*\//gs, (comment) => comment.replace(/[^\n]/g, '')).replace(/(^|\s)\/\/.*$/gm, '$1');
}

test('the rules below are applied to the whole program', () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(150);
  expect(codeOf('a // setTimeout\n/* console.log\n */ b').replaceAll(/[ \n]/g, '')).toBe('ab');
});

/** Not part of what serves: loaded by the command that asks for it. */
const LAZY = /^src\/sim\//;

describe('imports', () => {
  test('go only where the table allows', () => {
    const wrong = sources.flatMap(({ name, folder, imports }) =>
      imports
        .filter((target) => folderOf(target) !== folder && !(MAY_IMPORT[folder] ?? []).includes(folderOf(target)))
        .filter((target) => name !== 'src/main.ts' || !LAZY.test(target))
        .map(
          (target) => `${name} imports ${target}: ${folder}/ may use ${MAY_IMPORT[folder]?.join(', ') || 'nothing'}`,
        ),
    );
    expect(wrong).toEqual([]);
  });

  test('of the simulator by main.ts wait until it is asked for', () => {
    const main = sources.find(({ name }) => name === 'src/main.ts')?.text ?? '';
    expect(main).toMatch(/await import\('\.\/sim\//);
    expect(main).not.toMatch(/^import .*'\.\/sim\//m);
  });

  test('of the browser from the program are of types, and nobody imports the browser', () => {
    const wrong = sources.flatMap(({ name, folder, needs, imports }) =>
      folder === 'dashboard'
        ? needs.filter((target) => folderOf(target) !== 'dashboard').map((target) => `${name} needs ${target}`)
        : imports.filter((target) => folderOf(target) === 'dashboard').map((target) => `${name} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test('name files that exist, and every folder has a row in the table', () => {
    const known = new Set([...sources, ...tests].map(({ name }) => name));
    const dangling = [...sources, ...tests].flatMap(({ name, imports }) =>
      imports.filter((target) => /\.tsx?$/.test(target) && !known.has(target)).map((target) => `${name}: ${target}`),
    );
    expect(dangling).toEqual([]);
    expect([...new Set(sources.map(({ folder }) => folder))].filter((folder) => !(folder in MAY_IMPORT))).toEqual([]);
  });

  test('never form a circle at run time', () => {
    const byName = new Map(sources.map((source) => [source.name, source]));
    const finished = new Set<string>();
    const circles: string[] = [];
    const visit = (name: string, trail: readonly string[]) => {
      if (trail.includes(name)) circles.push([...trail.slice(trail.indexOf(name)), name].join(' -> '));
      if (finished.has(name) || trail.includes(name)) return;
      for (const target of byName.get(name)?.needs ?? []) visit(target, [...trail, name]);
      finished.add(name);
    };
    for (const { name } of sources) visit(name, []);
    expect(circles).toEqual([]);
  });
});

test('only platform/ touches clocks, timers, entropy, the environment and the terminal', () => {
  const found = sources
    .filter(({ name, folder }) => folder !== 'platform' && !RUN_ELSEWHERE.test(name))
    .flatMap(({ name, text }) =>
      codeOf(text)
        .split('\n')
        .flatMap((line, index) =>
          BANNED.filter(([pattern]) => pattern.test(line)).map(
            ([pattern, wayOut]) => `${name}:${index + 1} uses ${pattern.exec(line)?.[0]}: ${wayOut}`,
          ),
        ),
    );
  expect(found).toEqual([]);
});

describe('files', () => {
  test('open with what they decide or own', () => {
    const silent = sources.filter(({ text }) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(text) && !isTiny(text));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  test(`above ${LONGEST_FILE} lines give a reason in their head: "Long because …"`, () => {
    const long = sources.filter(({ text }) => text.split('\n').length > LONGEST_FILE + 1);
    const unexplained = long.filter(({ text }) => !/^\/\*\*(?:(?!\*\/).)*Long because /s.test(text));
    expect(unexplained.map(({ name, text }) => `${name}: ${text.split('\n').length} lines`)).toEqual([]);
  });

  test('are named in kebab case', () => {
    expect(sources.map(({ name }) => name).filter((name) => !/^([a-z0-9-]+\/)+[a-z0-9-]+\.tsx?$/.test(name))).toEqual(
      [],
    );
  });

  test('leave no work to a note', () => {
    const marker = new RegExp(['TO', 'DO|FIX', 'ME|X', 'XX'].join(''));
    const noted = [...sources, ...tests].filter(({ text }) => marker.test(text));
    expect(noted.map(({ name }) => name)).toEqual([]);
  });
});

/** A file of one or two declarations that carry their own docstrings. */
function isTiny(text: string): boolean {
  return text.split('\n').length < 25 && text.includes('/**');
}
