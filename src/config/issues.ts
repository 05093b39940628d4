/**
 * The validator's issues in the words of this project: what a value must be, and what it is. Alternatives are judged by
 * the one that was meant: a mapping with a wrong key is reported for that key, not as "neither a URL nor a mapping".
 */

import type { z } from 'zod';
import type { Finding, Path } from './problem.ts';
import { didYouMean } from './suggest.ts';

type Issue = z.core.$ZodIssue;

/** What issues leave open. */
export interface IssueContext {
  /** The value at `path`, as people may see it; undefined when there is none. */
  show(path: Path): string | undefined;
  /** The keys that the mapping at `path` may have. */
  keysAt(path: Path): readonly string[];
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

export function findingsOf(issues: readonly Issue[], context: IssueContext): Finding[] {
  return issues.flatMap((issue) => findings(issue, issue.path as Path, context));
}

function findings(issue: Issue, path: Path, context: IssueContext): Finding[] {
  if (issue.code === 'unrecognized_keys') {
    const known = context.keysAt(path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: 'key',
      message: `unknown key${didYouMean(key, known)}`,
    }));
  }
  const shown = context.show(path);
  if (shown === undefined) return [{ path, at: 'key', message: 'is required' }];
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.filter((branch) => !branch.some(isMismatch));
    const [only] = meant;
    if (only !== undefined && meant.length === 1) {
      return only.flatMap((inner) => findings(inner, [...path, ...(inner.path as Path)], context));
    }
  }
  if (issue.code === 'invalid_key') return [{ path, at: 'key', message: issue.issues[0]?.message ?? issue.message }];
  const isAboutContents = issue.code === 'custom' || issue.code === 'too_small';
  const received = isAboutContents && /^a (mapping|list)$/.test(shown) ? '' : `, received ${shown}`;
  return [{ path, at: 'value', message: `${requirement(issue)}${received}${hint(issue, shown)}` }];
}

/** Whether an alternative was out of the question by the value's very type. */
function isMismatch(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

function requirement(issue: Issue): string {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'array') return 'must have at least one entry';
      if (issue.origin === 'string') {
        return issue.minimum === 1 ? 'must not be empty' : `must have at least ${issue.minimum} characters`;
      }
      return `must be ${issue.inclusive ? 'at least' : 'above'} ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'invalid_type':
      return issue.message.startsWith('must') ? issue.message : `must be ${nounOf(issue)}`;
    case 'invalid_value':
    case 'invalid_union':
      return `must be ${nounOf(issue)}`;
    default:
      return issue.message;
  }
}

function nounOf(issue: Issue): string {
  if (issue.code === 'invalid_type') return TYPE_NAMES[issue.expected] ?? issue.expected;
  if (issue.code === 'invalid_union') return issue.errors.map((branch) => nounOf(branch[0] as Issue)).join(' or ');
  if (issue.code !== 'invalid_value') return 'something else';
  const values = [...new Set(issue.values.map(String))];
  return values.length === 1 ? (values[0] as string) : `one of ${values.join(', ')}`;
}

function hint(issue: Issue, shown: string): string {
  if (issue.code !== 'invalid_value') return '';
  return didYouMean(shown.replace(/^"|"$/g, ''), issue.values.map(String));
}
