/** What a command may use of the outside world: main.ts hands it in, tests hand in their own. */

import type { Clock } from '../base/time.ts';
import type { ReadSettings, ReloadOutcome } from '../model/reload.ts';
import type { BindAddress, LogLevel, Settings } from '../model/settings.ts';
import type { Terminal } from '../model/terminal.ts';

export type LogFormat = 'auto' | 'json' | 'pretty';

export interface StartOptions {
  /** Overrides `log.level` of the configuration; null = as configured. */
  readonly logLevel: LogLevel | null;
  readonly logFormat: LogFormat;
  /** Called once everything serves, before the process that we take over from, if any, hears of it. */
  readonly onServing?: () => void;
  /** Absent = what the settings came from cannot be read again. */
  readonly source?: ConfigSource;
}

/** Where the configuration comes from. */
export interface ConfigSource {
  /** Reads it as it is now. */
  read(): ReadSettings;
  /** What was read last and was valid, in its own words, with every default and without any secret. */
  effective(): unknown;
  /** A line of JSON without any secret of what was read last. */
  redactLine(line: string): string;
}

/** Where something really listens, after port 0 has become a number. */
export interface BoundAddress {
  readonly name: string;
  readonly address: BindAddress;
}

export interface RunningApp {
  /** Data listeners, in the configuration's order. */
  readonly listeners: readonly BoundAddress[];
  readonly admin: BoundAddress | null;
  /** Reads the configuration again and puts it in place; never rejects. @param cause for the log */
  reload(cause: string): Promise<ReloadOutcome>;
  /** Starts this program anew, with the same arguments, and gives it our place; then stops gracefully. Goes on if it does not serve. */
  handOver(): void;
  /** Graceful stop by the `drain` settings; a second call stops at once. Resolves `exited`. */
  stop(): void;
  /** Resolves with the exit code once everything is closed: 0 after a drain that finished, 1 after a forced stop. */
  readonly exited: Promise<number>;
}

/** Rejects with StartError when a listener cannot be bound. */
export type StartApp = (settings: Settings, options: StartOptions) => Promise<RunningApp>;

/** The demo's embedded backends. */
export interface DemoFleet {
  stop(): Promise<void>;
}

export interface CommandContext {
  /** Writes text to stdout, as it is. */
  out(text: string): void;
  /** Writes text to stderr, as it is. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Behind stdout; null = stdout is no terminal. */
  readonly terminal: Terminal | null;
  readonly clock: Clock;
  readonly startApp: StartApp;
  /** Starts the backends that `settings` (of config/demo.yaml) names. Rejects with StartError when a port is taken. */
  readonly startDemoFleet: (settings: Settings) => Promise<DemoFleet>;
  /** Calls `listener` on SIGINT and SIGTERM, and again on each further one. */
  onStopSignal(listener: () => void): void;
  /** Calls `listener` on every SIGHUP. */
  onReloadSignal(listener: () => void): void;
  /** Calls `listener` on every SIGUSR2. */
  onHandOverSignal(listener: () => void): void;
  /** Absolute path of a file in the package's config/ folder. */
  configFile(name: string): string;
}

/** A command's arguments are everything after its name. Resolves with the exit code; throws UsageError or StartError. */
export type Command = (args: readonly string[], context: CommandContext) => Promise<number>;
