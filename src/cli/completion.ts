/**
 * `completion bash|zsh|fish`: a script that teaches a shell this program's commands and options, made from the same table as
 * `--help`. Backends are asked for as they are wanted, by `completion targets`, which is silent when nothing answers.
 */

import { StartError, UsageError } from '../model/errors.ts';
import { printable, withAdmin } from './admin-client.ts';
import type { Command, CommandContext } from './context.ts';
import { COMMAND_HELP } from './help.ts';

type Shell = 'bash' | 'zsh' | 'fish';

/** Commands whose argument is UPSTREAM/BACKEND. */
const TARGETED = Object.entries(COMMAND_HELP)
  .filter(([, { usage }]) => usage.startsWith('UPSTREAM/BACKEND'))
  .map(([name]) => name);

const SCRIPTS: Readonly<Record<Shell, () => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

export const completionCommand: Command = async (args, context) => {
  const [what = '', ...rest] = args;
  if (what === 'targets') return printTargets(rest, context);
  if (rest.length > 0 || !Object.hasOwn(SCRIPTS, what)) {
    throw new UsageError(`completion takes bash, zsh or fish, received ${JSON.stringify(args.join(' '))}.`);
  }
  context.out(SCRIPTS[what as Shell]());
  return 0;
};

/** A line per backend; none when there is no answer, as the shell is in the middle of a word. */
async function printTargets(args: readonly string[], context: CommandContext): Promise<number> {
  try {
    return await withAdmin(args, context, [], async (admin) => {
      const { upstreams } = await admin.health();
      const targets = Object.entries(upstreams).flatMap(([name, { backends }]) =>
        backends.map(({ id }) => printable(`${name}/${id}`)),
      );
      context.out(targets.map((target) => `${target}\n`).join(''));
      return 0;
    });
  } catch (error) {
    if (error instanceof StartError || error instanceof UsageError) return 0;
    throw error;
  }
}

/** `-c`, `--config`: what may be typed of an option's form. */
export function flagsOf(command: string): string[] {
  const { options } = COMMAND_HELP[command] ?? { options: [] };
  const flags = options.flatMap(([form]) => form.match(/(?<![\w-])--?[a-z][a-z-]*/g) ?? []);
  return [...flags, '--help'];
}

/** Words that some options take, and that can be named. */
const OPTION_VALUES: Readonly<Record<string, string>> = {
  '--log-format': 'auto json pretty',
  '--log-level': 'trace debug info warn error fatal silent',
};

function bashScript(): string {
  const cases = Object.keys(COMMAND_HELP).map((name) => `    ${name}) options='${flagsOf(name).join(' ')}' ;;\n`);
  const values = Object.entries(OPTION_VALUES).map(
    ([option, words]) => `    ${option}) COMPREPLY=($(compgen -W '${words}' -- "$word")); return ;;\n`,
  );
  return `# bash completion for pulsegate: source <(pulsegate completion bash)
_pulsegate() {
  local line="\${COMP_LINE:0:COMP_POINT}" word previous options command
  # Words as they are typed: bash would end them at the colons of addresses.
  word="\${line##*[[:space:]]}"
  local -a words=(\${line%"$word"})
  previous="\${words[\${#words[@]}-1]}"
  command="\${words[1]}"
  COMPREPLY=()
  if [ "\${#words[@]}" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${Object.keys(COMMAND_HELP).join(' ')} help --help --version' -- "$word"))
    return
  fi
  case "$previous" in
${values.join('')}    -c|--config) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  case "$command" in
${cases.join('')}    help) options='${Object.keys(COMMAND_HELP).join(' ')}' ;;
  esac
  case "$command:$word" in
    *:-*|help:*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    completion:*) COMPREPLY=($(compgen -W 'bash zsh fish' -- "$word")) ;;
    ${TARGETED.map((name) => `${name}:*`).join('|')})
      COMPREPLY=($(compgen -W "$("\${words[0]}" completion targets 2>/dev/null)" -- "$word"))
      local before="\${word%"\${word##*:}"}"
      COMPREPLY=("\${COMPREPLY[@]#"$before"}") ;;
    replay:*|simulate:*) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -o nosort -F _pulsegate pulsegate 2>/dev/null || complete -o filenames -F _pulsegate pulsegate
`;
}

function zshScript(): string {
  const commands = Object.entries(COMMAND_HELP).map(([name, { summary }]) => `    '${name}:${quoted(summary)}'\n`);
  const cases = Object.keys(COMMAND_HELP).map((name) => {
    const flags = flagsOf(name).map((flag) => `'${flag}'`);
    return `    ${name}) options=(${flags.join(' ')}) ;;\n`;
  });
  return `#compdef pulsegate
# zsh completion for pulsegate: source <(pulsegate completion zsh)
_pulsegate() {
  local -a commands options targets
  commands=(
${commands.join('')}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]" in
${cases.join('')}  esac
  case "$words[CURRENT-1]" in
    -c|--config) _files; return ;;
${Object.entries(OPTION_VALUES)
  .map(([option, values]) => `    ${option}) compadd ${values}; return ;;\n`)
  .join('')}  esac
  if [[ "$words[CURRENT]" == -* ]]; then
    compadd -- $options
    return
  fi
  case "$words[2]" in
    help) _describe command commands ;;
    completion) compadd bash zsh fish ;;
    ${TARGETED.join('|')})
      targets=(\${(f)"$($words[1] completion targets 2>/dev/null)"})
      compadd -- $targets ;;
    replay|simulate) _files ;;
  esac
}
compdef _pulsegate pulsegate
`;
}

function fishScript(): string {
  const names = Object.keys(COMMAND_HELP);
  const lines = Object.entries(COMMAND_HELP).flatMap(([name, { summary, options }]) => [
    `complete -c pulsegate -n __fish_use_subcommand -a ${name} -d '${quoted(summary)}'`,
    ...options.flatMap(([form, meaning]) => {
      const long = /--([a-z-]+)/.exec(form)?.[1];
      if (long === undefined) return [];
      const short = /(?<![\w-])-([a-z])\b/.exec(form)?.[1];
      const takes = / [A-Z]/.test(form) ? ' -r' : '';
      const values = OPTION_VALUES[`--${long}`];
      const known = values === undefined ? '' : ` -f -a '${values}'`;
      const isShort = short === undefined ? '' : ` -s ${short}`;
      return `complete -c pulsegate -n '__fish_seen_subcommand_from ${name}' -l ${long}${isShort}${takes}${known} -d '${quoted(meaning)}'`;
    }),
  ]);
  return `# fish completion for pulsegate: pulsegate completion fish | source
complete -c pulsegate -f
${lines.join('\n')}
complete -c pulsegate -n '__fish_seen_subcommand_from ${TARGETED.join(' ')}' -a '(pulsegate completion targets 2>/dev/null)'
complete -c pulsegate -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
complete -c pulsegate -n '__fish_seen_subcommand_from help' -a '${names.join(' ')}'
complete -c pulsegate -n '__fish_seen_subcommand_from replay simulate' -F
`;
}

/** Within single quotes, which shells end in different ways; a colon would end a name for zsh. */
function quoted(text: string): string {
  return text.replaceAll("'", '’').replaceAll(':', ' -');
}
