/**
 * Reloads, one after the other. Whoever asks while one is under way shares the next: it reads the configuration after they asked, so that
 * none is missed and a burst costs two. A configuration that is invalid, or cannot be put in place, changes nothing.
 *
 *   idle ──► under way ──► idle, or under way again for those who asked meanwhile
 */

import { StartError } from '../model/errors.ts';
import type { NewNotice } from '../model/event.ts';
import type { Log } from '../model/log.ts';
import type { ConfigProblem, ReadSettings, ReloadOutcome } from '../model/reload.ts';
import type { Settings } from '../model/settings.ts';

export interface ReloaderOptions {
  /** Reads the configuration as it is now; null = there is none to read. */
  readonly read: (() => ReadSettings) | null;
  /** Puts it in place, whole. Rejects with StartError when that cannot be; all is as it was then. */
  readonly apply: (settings: Settings) => Promise<void>;
  readonly note: (notice: NewNotice) => void;
  readonly log: Log;
}

export class Reloader {
  /** Number of the configuration in force; 1 is that of the start, unless it goes on with another process's count. */
  generation = 1;
  /** Since the start. */
  readonly counts = { ok: 0, failed: 0 };
  private readonly options: ReloaderOptions;
  private running: Promise<ReloadOutcome> | null = null;
  /** For those who asked while one was under way. */
  private next: Promise<ReloadOutcome> | null = null;

  constructor(options: ReloaderOptions) {
    this.options = options;
  }

  /** Never rejects. @param cause who or what wants it, for the log */
  reload(cause: string): Promise<ReloadOutcome> {
    if (this.running === null) {
      this.running = this.run(cause);
      return this.running;
    }
    this.next ??= this.running.then(() => {
      this.next = null;
      this.running = this.run(cause);
      return this.running;
    });
    return this.next;
  }

  private async run(cause: string): Promise<ReloadOutcome> {
    const outcome = await this.attempt();
    if (this.next === null) this.running = null;
    const { log, note } = this.options;
    if (outcome.ok) {
      this.counts.ok += 1;
      log.info({ generation: outcome.generation, cause }, `configuration reloaded: generation ${outcome.generation}`);
      note({ kind: 'reload', message: `generation ${outcome.generation} is in force (${cause})` });
    } else {
      this.counts.failed += 1;
      const { message, problems } = outcome;
      log.error({ generation: this.generation, cause, problems }, `configuration not reloaded: ${message}`);
      note({ kind: 'reload', message: `refused, generation ${this.generation} stays in force (${cause}): ${message}` });
    }
    return outcome;
  }

  private async attempt(): Promise<ReloadOutcome> {
    const { read, apply, log } = this.options;
    try {
      if (read === null) throw new StartError('there is no configuration file to read.');
      const loaded = read();
      if (!loaded.ok) return { ok: false, message: summaryOf(loaded.problems), problems: loaded.problems };
      await apply(loaded.settings);
      this.generation += 1;
      return { ok: true, generation: this.generation };
    } catch (error) {
      if (!(error instanceof StartError)) log.error({ err: error }, 'a reload failed');
      return { ok: false, message: error instanceof Error ? error.message : String(error), problems: [] };
    }
  }
}

function summaryOf(problems: readonly ConfigProblem[]): string {
  const [first] = problems;
  if (first === undefined) return 'the configuration is invalid';
  const others = problems.length - 1;
  const more = others === 0 ? '' : `, and ${others} more ${others === 1 ? 'problem' : 'problems'}`;
  return `${first.file}:${first.line}:${first.column} ${first.path}: ${first.message}${more}`;
}
