/** A configuration file, read and validated for a command, and again for a reload: settings, or problems on stderr. */

import { readFileSync } from 'node:fs';
import { type Loaded, loadSettings } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { redact, redactData } from '../config/secrets.ts';
import { UsageError } from '../model/errors.ts';
import type { ReadSettings } from '../model/reload.ts';
import type { Settings } from '../model/settings.ts';
import type { CommandContext, ConfigSource } from './context.ts';
import { readText } from './read-text.ts';

/** null when the file is invalid: every problem is on stderr then. Throws UsageError when it cannot be read. */
export function loadConfigFile(file: string, context: CommandContext): Extract<Loaded, { ok: true }> | null {
  const opened = openConfigFile(file, context);
  return opened === null ? null : opened.loaded;
}

/** As `loadConfigFile`, to be read again later. */
export function openConfigFile(file: string, context: CommandContext): ConfigFile | null {
  const source = new ConfigFile(file, context);
  const loaded = source.load();
  if (loaded.ok) return source;
  context.err(loaded.problems.map((problem) => `${formatProblem(problem)}\n`).join(''));
  return null;
}

export class ConfigFile implements ConfigSource {
  /** It and every file that it named when it was last read: secrets, certificates. */
  files: readonly string[] = [];
  private readonly file: string;
  private readonly context: CommandContext;
  private good: Extract<Loaded, { ok: true }> | null = null;

  constructor(file: string, context: CommandContext) {
    this.file = file;
    this.context = context;
  }

  /** The last that was valid; after a `load` that was. */
  get loaded(): Extract<Loaded, { ok: true }> {
    return this.good as Extract<Loaded, { ok: true }>;
  }

  get settings(): Settings {
    return this.loaded.settings;
  }

  /** Throws UsageError when the file cannot be read. */
  load(): Loaded {
    const { file, context } = this;
    const files = [file];
    const loaded = loadSettings(file, readText(file, 'configuration', '; name one with -c FILE'), {
      env: context.env,
      readFile: (path) => {
        files.push(path);
        return readFileSync(path, 'utf8');
      },
    });
    this.files = files;
    if (loaded.ok) this.good = loaded;
    return loaded;
  }

  readonly read = (): ReadSettings => {
    try {
      return this.load();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return {
        ok: false,
        problems: [{ file: this.file, line: 1, column: 1, path: '(document)', message: error.message }],
      };
    }
  };

  effective(): unknown {
    return this.loaded.effective();
  }

  redactLine(line: string): string {
    const { secrets } = this.loaded;
    // Most lines hold none, and need not be read as data.
    return redact(line, secrets) === line ? line : JSON.stringify(redactData(JSON.parse(line), secrets));
  }
}
