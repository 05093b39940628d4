/**
 * From a file's text to settings, or to every problem in it at once. Reads nothing by itself: the environment and files
 * that values refer to come from `source`. No secret ever stands in a problem.
 */

import type { z } from 'zod';
import type { Settings } from '../model/settings.ts';
import { crossCheck } from './checks.ts';
import { type Locate, parseYaml } from './document.ts';
import { effectiveOf } from './effective.ts';
import { findingsOf } from './issues.ts';
import { configJsonSchema, keysAt } from './json-schema.ts';
import { type Finding, formatPath, isWithin, type Path, type Problem } from './problem.ts';
import { configSchema } from './schema.ts';
import { markSecretExpectations } from './secret-expectations.ts';
import { resolveReferences, type Source } from './secrets.ts';
import { checkFiles } from './tls-files.ts';
import { toSettings } from './to-settings.ts';

export type Loaded =
  | {
      readonly ok: true;
      readonly settings: Settings;
      /** The configuration in the file's own words, with every default and without any secret. */
      effective(): unknown;
      /** Values that no log, dump or page may show; see `redact`. */
      readonly secrets: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** A user name and password in a URL. */
const USER_INFO = /\/\/[^/@]*@/;

/** Longest value that a problem quotes. */
const SHOWN_CHARACTERS = 60;

/** @param file the file's name, for problems */
export function loadSettings(file: string, text: string, source: Source): Loaded {
  const yaml = parseYaml(text);
  if (!yaml.ok) {
    return {
      ok: false,
      problems: yaml.faults.map((fault) => ({ file, path: formatPath([]), ...fault })).sort(byPlace),
    };
  }
  const { value, secrets, shown, findings: unresolved } = resolveReferences(yaml.value, source);
  const show = (path: Path) => shown.get(formatPath(path)) ?? describe(valueAt(value, path));
  const { settings, findings } = validate(value, unresolved, show, source);
  if (settings !== null) {
    const marked = markSecretExpectations(settings, secrets);
    return { ok: true, settings: marked, secrets, effective: effectiveLater(yaml.value, secrets) };
  }
  return { ok: false, problems: findings.map((finding) => place(file, finding, yaml.locate)).sort(byPlace) };
}

/** Outside of `loadSettings`, whose scope would keep the whole syntax tree for as long as the configuration is in force. */
function effectiveLater(written: unknown, secrets: readonly string[]): () => unknown {
  return () => effectiveOf(written, configJsonSchema(), secrets);
}

function validate(
  value: unknown,
  refused: readonly Finding[],
  show: (path: Path) => string | undefined,
  { readFile }: Source,
): { readonly settings: Settings | null; readonly findings: readonly Finding[] } {
  const parsed = configSchema.safeParse(value);
  const invalid = parsed.success ? [] : explain(parsed.error, show);
  const findings = [...refused, ...invalid.filter((finding) => !isCovered(finding, refused))];
  // Where single values are wrong, rules between keys are checked as if those had been left out.
  const sound = parsed.success ? parsed : configSchema.safeParse(without(value, findings));
  if (sound.success) {
    const related = [...crossCheck(sound.data, show), ...checkFiles(sound.data, readFile, show)];
    findings.push(...related.filter((finding) => !isCovered(finding, findings)));
  }
  const settings = parsed.success && findings.length === 0 ? toSettings(parsed.data) : null;
  return { settings, findings };
}

function explain(error: z.core.$ZodError, show: (path: Path) => string | undefined): Finding[] {
  const schema = configJsonSchema();
  return findingsOf(error.issues, { show, keysAt: (path) => keysAt(schema, path) });
}

/** Whether another finding has already been made at that place, above it or below it. */
function isCovered({ path }: Finding, by: readonly Finding[]): boolean {
  return by.some((other) => isWithin(path, other.path) || isWithin(other.path, path));
}

/** A copy of `value` without the keys that the findings are about. */
function without(value: unknown, findings: readonly Finding[]): unknown {
  const copy = structuredClone(value);
  for (const { path } of findings) {
    // A list keeps its length, or later positions would shift: the whole list goes.
    const keyAt = path.findLastIndex((step) => typeof step === 'string');
    const parent = valueAt(copy, path.slice(0, keyAt));
    if (typeof parent === 'object' && parent !== null)
      delete (parent as Record<string, unknown>)[path[keyAt] as string];
  }
  return copy;
}

export function valueAt(root: unknown, path: Path): unknown {
  let node = root;
  for (const step of path) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) return undefined;
    node = (node as Record<string | number, unknown>)[step];
  }
  return node;
}

export function describe(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value.replace(USER_INFO, '//[secret]@')) : String(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

export function place(file: string, { path, at, message }: Finding, locate: Locate): Problem {
  return { file, ...locate(path, at), path: formatPath(path), message };
}

export function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column;
}
