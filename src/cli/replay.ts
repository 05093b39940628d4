/**
 * `replay FILE.jsonl [-c FILE]`: a recorded incident through the engine again. Prints the transitions as `events --json` does;
 * exits with 1 where they differ from those recorded. With -c the question is what other settings would have made of it.
 */

import { UsageError } from '../model/errors.ts';
import type { HealthEvent } from '../model/event.ts';
import type { UpstreamSettings } from '../model/settings.ts';
import { readArguments } from './args.ts';
import { loadConfigFile } from './config-file.ts';
import type { Command } from './context.ts';
import { readText } from './read-text.ts';

/** @param settings null = as recorded. Throws UsageError when the text is no recording. */
export type Replay = (
  text: string,
  settings: readonly UpstreamSettings[] | null,
) => {
  readonly events: readonly HealthEvent[];
  readonly differences: readonly string[];
};

/** @param load gets the replayer, which nothing else of the program needs */
export function replayCommand(load: () => Promise<Replay>): Command {
  return async (args, context) => {
    const { values, positionals } = readArguments({
      args: [...args],
      options: { config: { type: 'string', short: 'c' } },
      allowPositionals: true,
    });
    const [file, ...rest] = positionals;
    if (file === undefined || rest.length > 0) throw new UsageError('replay takes one FILE.jsonl.');
    const text = readText(file, 'recording');
    const loaded = values.config === undefined ? undefined : loadConfigFile(values.config, context);
    if (loaded === null) return 2;
    const replay = await load();
    const { events, differences } = replay(text, loaded?.settings.upstreams ?? null);
    context.out(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    context.err(differences.map((difference) => `${difference}\n`).join(''));
    return differences.length === 0 ? 0 : 1;
  };
}
