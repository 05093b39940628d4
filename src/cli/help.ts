/** What each command is called, takes and does, in the words that `--help` prints. */

interface CommandHelp {
  /** After the command's name. */
  readonly usage: string;
  readonly summary: string;
  /** One option per entry: its form and what it means. */
  readonly options: readonly (readonly [form: string, meaning: string])[];
}

const CONFIG = ['-c, --config FILE', 'the configuration (default pulsegate.yaml)'] as const;
const LOG = [
  ['--log-format FORMAT', 'auto, json or pretty (default auto: pretty on a terminal)'],
  ['--log-level LEVEL', "instead of the configuration's log.level"],
] as const;
const ADMIN = [
  ['--admin URL', 'the admin API (default http://127.0.0.1:8081, or PULSEGATE_ADMIN)'],
  ['PULSEGATE_ADMIN_TOKEN', 'environment: the token, where one is needed'],
] as const;
const TARGET = 'UPSTREAM/BACKEND';

/** Every command of the program, whether it is built yet or not. */
export const COMMAND_HELP: Readonly<Record<string, CommandHelp>> = {
  run: { usage: '[-c FILE]', summary: 'run the proxy', options: [CONFIG, ...LOG] },
  check: { usage: '[-c FILE]', summary: 'validate a configuration and sum it up', options: [CONFIG] },
  demo: { usage: '', summary: 'backends to break and heal, with the proxy in front', options: LOG },
  status: {
    usage: '',
    summary: 'the pool as a table',
    options: [...ADMIN, ['--json', 'as JSON'], ['--watch', 'again and again']],
  },
  why: { usage: TARGET, summary: 'what is known about a backend, and what comes next', options: ADMIN },
  drain: { usage: TARGET, summary: 'no new requests; open ones finish', options: ADMIN },
  enable: { usage: TARGET, summary: 'back to what the evidence says', options: ADMIN },
  disable: { usage: TARGET, summary: 'out of service', options: ADMIN },
  weight: { usage: `${TARGET} N`, summary: "change a backend's share of the traffic", options: ADMIN },
  reload: { usage: '', summary: 'reload the configuration', options: ADMIN },
  events: {
    usage: '',
    summary: 'print transitions',
    options: [...ADMIN, ['--follow', 'and those to come'], ['--json', 'as JSON lines']],
  },
  beat: { usage: '', summary: 'send heartbeats for a process that cannot', options: [] },
  replay: {
    usage: 'FILE.jsonl',
    summary: 'feed a recorded incident (GET /recording) to the engine',
    options: [['-c, --config FILE', 'with the upstreams of this configuration instead of those recorded']],
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
};

const COMMON = [
  ['--help', 'this text'],
  ['--version', 'the version'],
] as const;

/** @param available the commands that are built */
export function overview(available: ReadonlySet<string>): string {
  const commands = Object.entries(COMMAND_HELP).map(([name, { usage, summary }]) => {
    const note = available.has(name) ? '' : ' (not available yet)';
    return [`${name} ${usage}`.trim(), `${summary}${note}`] as const;
  });
  return `Usage: pulsegate <command> [options]\n\n${columns(commands)}\n${columns(COMMON)}`;
}

export function helpFor(name: string): string {
  const { usage, summary, options } = COMMAND_HELP[name] as CommandHelp;
  return `Usage: ${`pulsegate ${name} ${usage}`.trim()}\n\n${summary}\n\n${columns([...options, ...COMMON])}`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}
