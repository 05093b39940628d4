/**
 * What a command is given of an event: its arguments with the placeholders replaced, and its environment. Values may hold words
 * that a backend chose, so none can end an argument, become an option, or grow without bound; there is no shell.
 */

import { isNotice } from '../model/event.ts';
import { HOOK_PLACEHOLDERS, type HookPlaceholder } from '../model/hook.ts';
import type { Call } from './pace.ts';

const MAX_VALUE_CHARACTERS = 1_024;
const PLACEHOLDER = new RegExp(`\\{(${HOOK_PLACEHOLDERS.join('|')})\\}`, 'g');

/** What programs need to find others and to speak; of the rest of our environment, which may hold secrets, nothing is passed on. */
const INHERITED = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export type Environment = Readonly<Record<string, string | undefined>>;
export type CommandValues = Readonly<Record<HookPlaceholder, string>>;

/** @param url of the backend; null = of an upstream as a whole, or of a backend that has left. What does not apply is empty. */
export function valuesOf({ trigger, event }: Call, url: string | null): CommandValues {
  const common = { upstream: event.upstream ?? '', backend: event.backend ?? '', url: url ?? '' };
  const values = isNotice(event)
    ? { ...common, from: '', to: trigger, reason: event.message }
    : { ...common, from: event.from, to: event.to, reason: event.reason };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tame(value)])) as CommandValues;
}

/** An argument that a value would make an option gets a space before it; one that is written as an option stays one. */
export function renderArguments(args: readonly string[], values: CommandValues): string[] {
  return args.map((argument) => {
    const rendered = argument.replace(PLACEHOLDER, (_, name: HookPlaceholder) => values[name]);
    return rendered.startsWith('-') && !argument.startsWith('-') ? ` ${rendered}` : rendered;
  });
}

export function environmentOf(hook: string, call: Call, values: CommandValues, own: Environment): Environment {
  const inherited = INHERITED.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]] as const]));
  const { upstream, backend, from, to, reason, url } = values;
  return {
    PATH: USUAL_PATH,
    // A bash of level 1 whose stdin is a socket, as ours is, takes itself for one that was begun from afar, and reads ~/.bashrc.
    SHLVL: '1',
    ...Object.fromEntries(inherited),
    PULSEGATE_HOOK: hook,
    PULSEGATE_EVENT: call.trigger,
    PULSEGATE_EVENT_ID: String(call.event.id),
    PULSEGATE_AT: call.event.at,
    PULSEGATE_UPSTREAM: upstream,
    PULSEGATE_BACKEND: backend,
    PULSEGATE_FROM: from,
    PULSEGATE_TO: to,
    PULSEGATE_REASON: reason,
    PULSEGATE_URL: url,
    PULSEGATE_SUPPRESSED: String(call.suppressed),
  };
}

/** NUL would be refused by the system, other control characters by whoever reads the log. */
function tame(value: string): string {
  return value.slice(0, MAX_VALUE_CHARACTERS).replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
