/**
 * Rules that relate the keys of hooks, and those that name them. Each names the key to change, and says what to write. What a
 * command is given must not be able to become its program, an option or a line of a shell: a backend may have chosen the words.
 */

import { HOOK_PLACEHOLDERS } from '../model/hook.ts';
import type { Finding, Path } from './problem.ts';
import type { Config } from './schema.ts';
import { didYouMean } from './suggest.ts';

type Hook = Config['hooks'][string];

/** What we say ourselves; a second one would contradict it. */
const RESERVED_HEADERS = [
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-pulsegate-signature',
];

/** Programs that read an argument as a program text. */
const SHELL = /(^|\/)(ash|bash|csh|dash|fish|ksh|mksh|sh|tcsh|zsh)$/;
const PLACEHOLDER = /\{([a-z_]+)\}/gi;

export function checkHooks(config: Config, show: (path: Path) => string | undefined): Finding[] {
  const names = Object.keys(config.hooks);
  return [
    ...Object.entries(config.hooks).flatMap(([name, hook]) => checkHook(hook, ['hooks', name])),
    ...Object.entries(config.upstreams).flatMap(([upstream, { alerts }]) =>
      (alerts ?? []).flatMap((alert, position): Finding[] => {
        if (Object.hasOwn(config.hooks, alert)) return [];
        const path = ['upstreams', upstream, 'alerts', position];
        return [{ path, at: 'value', message: `no hook is named ${show(path)}${didYouMean(alert, names)}` }];
      }),
    ),
  ];
}

function checkHook({ webhook, exec, secret, headers }: Hook, path: Path): Finding[] {
  if (webhook === null && exec === null) {
    return [{ path, at: 'key', message: 'must have a webhook: URL or an exec: [PROGRAM, ARGUMENT, ...]' }];
  }
  if (webhook !== null && exec !== null) {
    return [{ path: [...path, 'exec'], at: 'key', message: 'is one thing too many beside webhook: write two hooks' }];
  }
  if (exec !== null) return [...checkCommand(exec, path), ...refuseForeign({ secret, headers }, path)];
  return Object.keys(headers).flatMap((name): Finding[] => {
    if (!RESERVED_HEADERS.includes(name.toLowerCase())) return [];
    return [{ path: [...path, 'headers', name], at: 'key', message: 'is set by Pulsegate itself' }];
  });
}

function refuseForeign({ secret, headers }: Pick<Hook, 'secret' | 'headers'>, path: Path): Finding[] {
  const written = [...(secret === null ? [] : ['secret']), ...(Object.keys(headers).length === 0 ? [] : ['headers'])];
  return written.map((key) => ({ path: [...path, key], at: 'key', message: 'is only for webhooks' }));
}

function checkCommand([program = '', ...args]: readonly string[], path: Path): Finding[] {
  const at = (index: number) => [...path, 'exec', index];
  if (program.trim() === '') return [{ path: at(0), at: 'value', message: 'must name a program' }];
  if (/[{}]/.test(program)) {
    return [{ path: at(0), at: 'value', message: 'must be the name of a program, in which nothing is replaced' }];
  }
  const scriptAt = scriptOf([program, ...args]) - 1;
  return args.flatMap((argument, index): Finding[] => {
    const names = [...argument.matchAll(PLACEHOLDER)].map(([, name]) => name as string);
    const unknown = names.find((name) => !(HOOK_PLACEHOLDERS as readonly string[]).includes(name));
    if (unknown !== undefined) {
      const hint = didYouMean(unknown, HOOK_PLACEHOLDERS) || `; there are ${HOOK_PLACEHOLDERS.join(', ')}`;
      return [{ path: at(index + 1), at: 'value', message: `has an unknown placeholder {${unknown}}${hint}` }];
    }
    const [first] = names;
    if (index !== scriptAt || first === undefined) return [];
    const variable = `"$PULSEGATE_${first.toUpperCase()}"`;
    const message = `must not have {${first}} in what a shell reads as its program: write ${variable} for it`;
    return [{ path: at(index + 1), at: 'value', message }];
  });
}

/** Where the program text of `sh -c TEXT` stands in `words`, also behind `env` or `sudo`; -1 = nowhere. */
function scriptOf(words: readonly string[]): number {
  const shellAt = words.findIndex((word) => SHELL.test(word));
  const optionAt = words.findIndex((word, index) => index > shellAt && /^-[a-z]*c$/.test(word));
  return shellAt === -1 || optionAt === -1 ? -1 : optionAt + 1;
}
