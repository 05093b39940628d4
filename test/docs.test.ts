/** What the documents promise exists: links, files, commands, scripts and sample configurations. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { COMMAND_HELP } from '../src/cli/help.ts';
import { loadSettings } from '../src/config/load.ts';
import { formatProblem } from '../src/config/problem.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git']);

const documents = findDocuments('').map((name) => ({ name, text: readFileSync(join(ROOT, name), 'utf8') }));
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }).scripts,
);
const mainSource = readFileSync(join(ROOT, 'src/main.ts'), 'utf8');

function findDocuments(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : findDocuments(name);
    return entry.name.endsWith('.md') ? [name] : [];
  });
}

/** Every match's first group, with the document it stands in. */
function mentions(pattern: RegExp): { readonly document: string; readonly mention: string }[] {
  return documents.flatMap(({ name, text }) =>
    [...text.matchAll(pattern)].map((match) => ({ document: name, mention: match[1] as string })),
  );
}

/** GitHub's anchor for a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}

test('there are documents to check', () => {
  expect(documents.map(({ name }) => name)).toContain('README.md');
  expect(mentions(/\]\(([^)\s]+)\)/g).length).toBeGreaterThan(5);
});

test('relative links lead to files, and their anchors to headings', () => {
  const broken = mentions(/\]\(([^)\s]+)\)/g).filter(({ document, mention }) => {
    if (/^[a-z]+:/.test(mention)) return false;
    const [path = '', anchor] = mention.split('#');
    const target = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path);
    if (!existsSync(target)) return true;
    if (anchor === undefined || statSync(target).isDirectory()) return false;
    const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      anchorOf(heading as string),
    );
    return !headings.includes(anchor);
  });
  expect(broken).toEqual([]);
});

test('files that are named exist, from the root or from src/', () => {
  const named = mentions(/`((?:[\w.-]+\/)+[\w.-]+\.(?:ts|mjs|json|ya?ml|md|sh))`/g);
  const missing = named.filter(
    ({ document, mention }) =>
      !mention.startsWith('dist/') &&
      ![ROOT, join(ROOT, 'src'), join(ROOT, dirname(document))].some((base) => existsSync(join(base, mention))),
  );
  expect(missing).toEqual([]);
});

describe('commands', () => {
  test('that are shown exist and are built', () => {
    const shown = mentions(/(?:\bdist\/main\.js|`pulsegate|^pulsegate|\| pulsegate) ([a-z]+)/gm);
    const missing = shown.filter(
      ({ mention }) => !Object.hasOwn(COMMAND_HELP, mention) || !mainSource.includes(`['${mention}', `),
    );
    expect(missing).toEqual([]);
  });

  test('of npm that are shown are scripts of the package', () => {
    const shown = mentions(/\bnpm (?:run (?:--silent )?)?((?!ci\b|run\b|install\b|pack\b|sbom\b|i\b)[a-z][a-z:-]*)/g);
    const missing = shown.filter(({ mention }) => !scripts.includes(mention));
    expect(missing).toEqual([]);
  });
});

test('complete configurations in the documents are valid', () => {
  const samples = mentions(/```yaml\n(.*?)```/gs).filter(({ mention }) => /^listeners:/m.test(mention));
  expect(samples.length).toBeGreaterThan(0);
  const source = { env: new Proxy({}, { get: () => 'set' }), readFile: () => 'content' };
  const problems = samples.flatMap(({ document, mention }) => {
    const loaded = loadSettings(document, mention, source);
    return loaded.ok ? [] : loaded.problems.map(formatProblem);
  });
  expect(problems).toEqual([]);
});
