/** What is wrong with a configuration, and where. */

/** Keys and list positions from the root. */
export type Path = readonly (string | number)[];

/** A finding that is not placed in a file yet. */
export interface Finding {
  readonly path: Path;
  /** A sentence that follows the path. */
  readonly message: string;
  /** Whether it is about the key itself or about its value: decides which of them is pointed at. */
  readonly at: 'key' | 'value';
}

export interface Problem {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  /** `upstreams.app.backends[0].url`; `(document)` for the root. */
  readonly path: string;
  readonly message: string;
}

/** `FILE:LINE:COL path: message`. */
export function formatProblem({ file, line, column, path, message }: Problem): string {
  return `${file}:${line}:${column} ${path}: ${message}`;
}

export function formatPath(path: Path): string {
  if (path.length === 0) return '(document)';
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

/** Whether `path` is `other`, or lies below it. */
export function isWithin(path: Path, other: Path): boolean {
  return other.every((step, index) => path[index] === step);
}
