/**
 * From arguments to a command and its exit code: 0 as asked, 1 a failure at run time, 2 wrong usage or configuration.
 * Expected failures become one line on stderr; anything else is a defect and keeps its stack.
 */

import { didYouMean } from '../config/suggest.ts';
import { StartError, UsageError } from '../model/errors.ts';
import type { Command, CommandContext } from './context.ts';
import { COMMAND_HELP, helpFor, overview } from './help.ts';

export interface Program {
  /** The commands that are built, by name. */
  readonly commands: ReadonlyMap<string, Command>;
  readonly version: string;
}

/** @param argv without the interpreter and the script */
export async function dispatch(argv: readonly string[], program: Program, context: CommandContext): Promise<number> {
  try {
    return await choose(argv, program, context);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof StartError)) throw error;
    context.err(`${error.message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function choose(argv: readonly string[], program: Program, context: CommandContext): Promise<number> {
  const { commands, version } = program;
  const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
  const [name, ...args] = words;
  const wants = (...flags: string[]) => words.some((word) => flags.includes(word));
  const isKnown = name !== undefined && Object.hasOwn(COMMAND_HELP, name);

  if (wants('--version', '-V') || name === 'version') {
    context.out(`${version}\n`);
    return 0;
  }
  if (wants('--help', '-h') && (isKnown || name === undefined || name.startsWith('-'))) {
    context.out(isKnown ? helpFor(name) : overview(new Set(commands.keys())));
    return 0;
  }
  if (name === undefined) throw new UsageError(overview(new Set(commands.keys())).trimEnd());
  if (!isKnown) {
    const hint = didYouMean(name, Object.keys(COMMAND_HELP)) || '; see pulsegate --help';
    throw new UsageError(`Unknown command "${name}"${hint}`);
  }
  const command = commands.get(name);
  if (command === undefined) throw new UsageError(`pulsegate ${name} is not available yet`);
  return command(args, context);
}
