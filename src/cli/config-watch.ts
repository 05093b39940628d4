/**
 * Notices when a configuration file, or a file that it names, has become another: written in place, renamed over, or reached by a link that
 * points elsewhere now (as Kubernetes does it with `..data`). Looks are cheap and regular, because what notices such changes by itself
 * differs between file systems. A change is told once the files have stayed the same for a whole look, so that one which is being written
 * is seen when it is whole; what is read then is judged by the reader.
 */

import { statSync } from 'node:fs';
import type { Clock, Timer } from '../base/time.ts';

const LOOK_EVERY_MS = 1_000;

export interface ConfigWatchOptions {
  /** Which they are now: a reload may name others. */
  readonly files: () => readonly string[];
  readonly clock: Clock;
  readonly onChange: () => void;
}

/** By path: changes whenever the file becomes another. */
type Marks = ReadonlyMap<string, string>;

export class ConfigWatch {
  private readonly options: ConfigWatchOptions;
  /** Of the files that were told of last. */
  private told: Marks;
  /** Of the files at the last look. */
  private seen: Marks;
  private timer: Timer | null = null;

  constructor(options: ConfigWatchOptions) {
    this.options = options;
    this.told = this.marks();
    this.seen = this.told;
    this.schedule();
  }

  close(): void {
    this.timer?.cancel();
  }

  private schedule(): void {
    const { clock } = this.options;
    this.timer = clock.at(clock.now() + LOOK_EVERY_MS, () => {
      this.schedule();
      this.look();
    });
  }

  private look(): void {
    const { seen, told } = this;
    this.seen = this.marks();
    if (differ(seen, this.seen)) return;
    this.told = this.seen;
    if (differ(told, this.seen)) this.options.onChange();
  }

  /** Through links; what cannot be looked at is told apart by why. */
  private marks(): Marks {
    return new Map(this.options.files().map((path) => [path, markOf(path)]));
  }
}

/** Files that are named for the first time were read just then. */
function differ(before: Marks, after: Marks): boolean {
  return [...after].some(([path, mark]) => before.has(path) && before.get(path) !== mark);
}

function markOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error';
  }
}
