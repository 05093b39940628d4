/** What each command is called, takes and does, in the words that `--help` prints. No line is wider than 80 characters. */

interface CommandHelp {
  /** After the command's name. */
  readonly usage: string;
  /** One line, also for the overview and the completions of shells. */
  readonly summary: string;
  /** One option per entry: its form and what it means. */
  readonly options: readonly (readonly [form: string, meaning: string])[];
  /** What is worth knowing besides. */
  readonly details?: readonly string[];
  readonly examples?: readonly string[];
}

const CONFIG = ['-c, --config FILE', 'the configuration (default pulsegate.yaml)'] as const;
const LOG = [
  ['--log-format FORMAT', 'auto, json or pretty (auto: pretty on a terminal)'],
  ['--log-level LEVEL', "instead of the configuration's log.level"],
] as const;
const ADMIN = [
  ['--admin URL', 'the admin API (default http://127.0.0.1:8081,\nor PULSEGATE_ADMIN)'],
  ['PULSEGATE_ADMIN_TOKEN', 'environment: the token, where one is needed'],
] as const;
const TARGET = 'UPSTREAM/BACKEND';
const UNTIL_NEXT = 'It holds until `enable`, over reloads of the configuration.';

/** Every command of the program, whether it is built yet or not. */
export const COMMAND_HELP: Readonly<Record<string, CommandHelp>> = {
  run: {
    usage: '[-c FILE]',
    summary: 'run the proxy',
    options: [
      CONFIG,
      ...LOG,
      ['--watch', 'reload when the file, or one that it names, changes'],
      ['--pid-file FILE', 'where the pid of the process that serves is kept'],
    ],
    details: [
      'SIGTERM and SIGINT stop it gracefully, a second one at once. SIGHUP reloads.',
      'SIGUSR2 starts the program anew and hands over to it; no connection is refused.',
      'Exit code: 0 stopped as asked, 1 failed or stopped at once, 2 invalid file.',
    ],
  },
  check: {
    usage: '[-c FILE]',
    summary: 'validate a configuration and sum it up',
    options: [CONFIG],
    details: ['Prints every problem as FILE:LINE:COL path: message, with exit code 2.'],
  },
  demo: { usage: '', summary: 'backends to break and heal, with the proxy in front', options: LOG },
  status: {
    usage: '',
    summary: 'the pool as a table',
    options: [...ADMIN, ['--json', 'as JSON, as GET /health answers'], ['--watch', 'every second; q quits']],
    details: ['NO_COLOR in the environment turns colours off.'],
    examples: ['status --watch', 'status --json | jq .upstreams.app.available'],
  },
  why: {
    usage: TARGET,
    summary: 'what is known about a backend, and what comes next',
    options: ADMIN,
    examples: ['why app/127.0.0.1:3001'],
  },
  drain: {
    usage: TARGET,
    summary: 'no new requests; open ones finish',
    options: ADMIN,
    details: [UNTIL_NEXT],
    examples: ['drain app/b'],
  },
  enable: {
    usage: TARGET,
    summary: 'back to what the evidence says',
    options: ADMIN,
    details: ['Takes back `drain` and `disable`.'],
  },
  disable: { usage: TARGET, summary: 'out of service', options: ADMIN, details: [UNTIL_NEXT] },
  weight: {
    usage: `${TARGET} N`,
    summary: "change a backend's share of the traffic",
    options: ADMIN,
    details: ['It holds until the configuration gives the backend another weight.'],
    examples: ['weight app/b 0.5'],
  },
  reload: {
    usage: '',
    summary: 'reload the configuration',
    options: ADMIN,
    details: ['A file that is refused changes nothing: its problems are printed, exit code 2.'],
  },
  events: {
    usage: '',
    summary: 'print transitions and notices',
    options: [...ADMIN, ['--follow', 'and those to come'], ['--json', 'as JSON lines']],
    details: ['Notices tell of panic, mass failures, hooks, reloads and workers.'],
    examples: ['events --follow', 'events --json | jq \'select(.to == "down")\''],
  },
  beat: {
    usage: '--to URL --upstream U --backend B',
    summary: 'send heartbeats for a process that cannot',
    options: [
      ['--to URL', "the receiver: the configuration's heartbeats.bind"],
      ['--upstream U', 'name of the upstream'],
      ['--backend B', 'id of the backend in it'],
      ['--interval DURATION', 'between two heartbeats (default 2s)'],
      ['--exec CMD', 'a check, run by sh: exit code 0 is up, others down'],
      ['--url URL', 'where the backend is, for discovery by heartbeats'],
      ['--weight N', 'its weight, for discovery by heartbeats'],
      ['--key ID', 'name of the key that signs'],
      ['--secret-env NAME', 'environment variable that holds its secret'],
    ],
  },
  replay: {
    usage: 'FILE.jsonl',
    summary: 'feed a recorded incident (GET /recording) to the engine',
    options: [['-c, --config FILE', 'with the upstreams of this configuration instead\nof those recorded']],
  },
  simulate: {
    usage: 'SCENARIO.yaml',
    summary: 'run fleet, policies and faults in virtual time',
    options: [
      ['--seed SEED', 'the same seed repeats the run (default 1)'],
      ['--json', 'as JSON'],
    ],
  },
  schema: { usage: '', summary: 'JSON Schema of the configuration', options: [] },
  completion: {
    usage: 'bash|zsh|fish',
    summary: "a script for the shell's completion",
    options: [],
    examples: [
      'completion bash > /etc/bash_completion.d/pulsegate',
      'completion zsh > ~/.zfunc/_pulsegate',
      'completion fish > ~/.config/fish/completions/pulsegate.fish',
    ],
  },
};

const COMMON = [
  ['--help', 'this text'],
  ['--version', 'the version'],
] as const;

/** @param available the commands that are built */
export function overview(available: ReadonlySet<string>): string {
  const commands = Object.entries(COMMAND_HELP).map(([name, { summary }]) => {
    const note = available.has(name) ? '' : ' (not available yet)';
    return [name, `${summary}${note}`] as const;
  });
  return `Usage: pulsegate <command> [options]\n\n${columns(commands)}\n${columns([['help COMMAND', 'what it takes'], ...COMMON])}`;
}

export function helpFor(name: string): string {
  const { usage, summary, options, details = [], examples = [] } = COMMAND_HELP[name] as CommandHelp;
  const parts = [
    `Usage: ${`pulsegate ${name} ${usage}`.trim()}\n`,
    [summary, ...details].map((line) => `${line}\n`).join(''),
    columns([...options, ...COMMON]),
    ...(examples.length === 0 ? [] : [`Examples:\n${examples.map((line) => `  pulsegate ${line}\n`).join('')}`]),
  ];
  return parts.join('\n');
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  const below = `\n${' '.repeat(width + 4)}`;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right.replaceAll('\n', below)}\n`).join('');
}
