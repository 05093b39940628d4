/** Hooks: what operators want called when something changes, and the words in which they say when. */

import { STATUSES, type Status } from './status.ts';

/** A status that a backend has come to, or something that befalls a whole upstream. */
export type HookTrigger = Status | 'panic' | 'panic_end' | 'mass_failure' | 'mass_failure_end';

export const HOOK_TRIGGERS: readonly HookTrigger[] = [
  ...STATUSES,
  'panic',
  'panic_end',
  'mass_failure',
  'mass_failure_end',
];

/** What an argument of a command may contain, in braces. */
export const HOOK_PLACEHOLDERS = ['upstream', 'backend', 'from', 'to', 'reason', 'url'] as const;

export type HookPlaceholder = (typeof HOOK_PLACEHOLDERS)[number];

export interface WebhookAction {
  readonly kind: 'webhook';
  /** http or https, without user name and fragment. */
  readonly url: string;
  /** What the body is signed with; null = it is not signed. */
  readonly secret: string | null;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ExecAction {
  readonly kind: 'exec';
  /** The program and its arguments, in which `{backend}` and the like are replaced. At least one. */
  readonly command: readonly [string, ...string[]];
}

export interface HookSettings {
  readonly name: string;
  readonly action: WebhookAction | ExecAction;
  /** At least one. */
  readonly on: readonly HookTrigger[];
  /** At least so long between two calls about the same backend; 0 = every one is made. */
  readonly minIntervalMs: number;
  /** Of a command, or of one try of a webhook; > 0. */
  readonly timeoutMs: number;
}
