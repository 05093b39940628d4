/** A file with nothing but backends, for `discovery.file`: the list that `backends` would hold, or a mapping with that list. */

import type { z } from 'zod';
import type { BackendSpec } from '../model/backend.ts';
import { parseYaml } from './document.ts';
import { findingsOf } from './issues.ts';
import { describe, valueAt } from './load.ts';
import { type Finding, formatPath, type Path } from './problem.ts';
import { refuseRepeats } from './repeats.ts';
import { backendList } from './upstream-schema.ts';
import { toBackend } from './upstream-settings.ts';

export type BackendList =
  | { readonly ok: true; readonly backends: readonly BackendSpec[] }
  | { readonly ok: false; readonly problem: string };

/** At most so many; a file that lists more is refused. */
const MOST_BACKENDS = 10_000;

/** Problems that one sentence names. */
const SHOWN_PROBLEMS = 3;

export function readBackendList(text: string): BackendList {
  const yaml = parseYaml(text);
  if (!yaml.ok)
    return refuse(yaml.faults.map(({ line, column, message }) => `line ${line}, column ${column}: ${message}`));
  const isWrapped = typeof yaml.value === 'object' && yaml.value !== null && 'backends' in yaml.value;
  const base: Path = isWrapped ? ['backends'] : [];
  const list = isWrapped ? valueAt(yaml.value, base) : yaml.value;
  const say = ({ path, at, message }: Finding) => {
    const place = [...base, ...path];
    return `line ${yaml.locate(place, at).line}, ${formatPath(place)} ${message}`;
  };
  if (!Array.isArray(list)) return refuse(['it must be a list of backends, as `backends` is']);
  if (list.length > MOST_BACKENDS) return refuse([`it lists more than ${MOST_BACKENDS} backends`]);
  const parsed = backendList.safeParse(list);
  if (!parsed.success) return refuse(explain(parsed.error, list).map(say));
  const backends = parsed.data.map(toBackend);
  const repeats = refuseRepeats(
    backends.map(({ id }, index) => [id, [index]]),
    'id',
  );
  return repeats.length > 0 ? refuse(repeats.map(say)) : { ok: true, backends };
}

function explain(error: z.core.$ZodError, list: unknown): Finding[] {
  const keys = ['id', 'url', 'weight', 'priority', 'labels'];
  return findingsOf(error.issues, { show: (path) => describe(valueAt(list, path)), keysAt: () => keys });
}

function refuse(problems: readonly string[]): BackendList {
  const more = problems.length - SHOWN_PROBLEMS;
  const shown = problems.slice(0, SHOWN_PROBLEMS).join('; ');
  return { ok: false, problem: more > 0 ? `${shown}; and ${more} more` : shown };
}
