/**
 * References in values: `${env:NAME}` and `${file:/path}` become what they name. What they become is a secret, as is
 * every value of a secret key: remembered so that it can be struck out, and shown to people only as it was written.
 */

import { type Finding, formatPath, type Path } from './problem.ts';

/** Where references lead. */
export interface Source {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file's text; throws as node:fs does. */
  readonly readFile: (path: string) => string;
}

export interface Resolved {
  /** A copy with every reference replaced. */
  readonly value: unknown;
  /** Non-empty, longest first. */
  readonly secrets: readonly string[];
  /** What to show for a secret value, by formatted path. */
  readonly shown: ReadonlyMap<string, string>;
  readonly findings: readonly Finding[];
}

const SECRET_KEYS = new Set([
  'admin.token',
  'heartbeats.keys.*.secret',
  'upstreams.*.sticky.secret',
  // Whoever knows the URL of a webhook may post to it.
  'hooks.*.webhook',
  'hooks.*.secret',
  'hooks.*.headers.*',
]);
const REFERENCE = /\$\{([^}]*)\}/g;
/** Stands where a secret did. */
export const STRUCK_OUT = '[secret]';
/** Secrets of at least so many characters are struck out inside other words, too. */
const STRUCK_OUT_ANYWHERE = 8;
const WORD_BEGINS = /^[\p{L}\p{N}_]/u;
const WORD_ENDS = /[\p{L}\p{N}_]$/u;

export function resolveReferences(value: unknown, source: Source): Resolved {
  const secrets = new Set<string>();
  const shown = new Map<string, string>();
  const findings: Finding[] = [];

  function resolve(node: unknown, path: Path): unknown {
    if (typeof node === 'string') return resolveText(node, path);
    if (Array.isArray(node)) return node.map((item, index) => resolve(item, [...path, index]));
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, resolve(item, [...path, key])]));
  }

  function resolveText(written: string, path: Path): string {
    const text = written.replace(REFERENCE, (whole, reference: string) => {
      const found = follow(reference, source);
      if ('message' in found) findings.push({ path, at: 'value', message: found.message });
      else if (found.value !== '') secrets.add(found.value);
      return 'value' in found ? found.value : whole;
    });
    const isSecret = isSecretKey(path);
    // A short value that was put into a longer text is only found again as that text; see `redact`.
    if ((isSecret || text !== written) && text !== '') secrets.add(text);
    if (text !== written) shown.set(formatPath(path), written);
    else if (isSecret) shown.set(formatPath(path), STRUCK_OUT);
    return text;
  }

  const resolved = resolve(value, []);
  return { value: resolved, secrets: [...secrets].sort((a, b) => b.length - a.length), shown, findings };
}

/** Whether what stands there is secret, however it was written. */
export function isSecretKey(path: Path): boolean {
  return SECRET_KEYS.has(patternOf(path));
}

/** The path with `*` for list positions and for names that users give: of upstreams, hooks and headers. */
function patternOf(path: Path): string {
  const [top, , below] = path;
  const isName = (step: string | number, index: number) =>
    typeof step === 'number' ||
    (index === 1 && (top === 'upstreams' || top === 'hooks')) ||
    (index === 3 && top === 'hooks' && below === 'headers');
  return path.map((step, index) => (isName(step, index) ? '*' : step)).join('.');
}

/**
 * `text` without any of the secrets, in plain form or as JSON writes them. One of fewer than 8 characters goes only where it
 * stands as a whole word: struck out of other words as well, it would leave nothing readable, and tell by the gaps what it is.
 * @param secrets as `Resolved` has them, longest first
 */
export function redact(text: string, secrets: readonly string[]): string {
  const forms = new Set(secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]));
  // One pass, so that what was put in is not struck out in turn.
  return forms.size === 0 ? text : text.replace(new RegExp([...forms].map(patternFor).join('|'), 'gu'), STRUCK_OUT);
}

/**
 * A copy of JSON-like data without any of the secrets, still JSON: a number that is one becomes text. Names of members stay, as
 * no reference can stand in them.
 */
export function redactData(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return redact(value, secrets);
  if (typeof value === 'number') return secrets.includes(String(value)) ? STRUCK_OUT : value;
  if (Array.isArray(value)) return value.map((item) => redactData(item, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactData(item, secrets)]));
}

function patternFor(secret: string): string {
  const literal = secret.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  if (secret.length >= STRUCK_OUT_ANYWHERE) return literal;
  const before = WORD_BEGINS.test(secret) ? '(?<![\\p{L}\\p{N}_])' : '';
  const after = WORD_ENDS.test(secret) ? '(?![\\p{L}\\p{N}_])' : '';
  return `${before}${literal}${after}`;
}

function follow(reference: string, source: Source): { readonly value: string } | { readonly message: string } {
  const [, kind, name] = /^(env|file):(.+)$/s.exec(reference) ?? [];
  if (kind === undefined || name === undefined) {
    return { message: 'has an unknown reference: write ${env:NAME} or ${file:/path}' };
  }
  if (kind === 'env') {
    const value = source.env[name];
    return value === undefined ? { message: `needs the environment variable ${name}, which is not set` } : { value };
  }
  try {
    return { value: source.readFile(name).replace(/\r?\n$/, '') };
  } catch (error) {
    return { message: `needs the file ${name}, which cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
}
