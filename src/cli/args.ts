/** Reading a command's arguments: node's own parser, with its complaints as usage errors. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../model/errors.ts';
import type { LogLevel } from '../model/settings.ts';
import type { LogFormat, StartOptions } from './context.ts';

const LOG_FORMATS: readonly LogFormat[] = ['auto', 'json', 'pretty'];
const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export const CONFIG_OPTION = { config: { type: 'string', short: 'c', default: 'pulsegate.yaml' } } as const;

export const LOG_OPTIONS = {
  'log-format': { type: 'string', default: 'auto' },
  'log-level': { type: 'string' },
} as const;

/** `parseArgs` in strict mode. Throws UsageError for what it refuses. */
export function readArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // The first sentence says what is wrong; what follows explains `--`.
    throw new UsageError((error as Error).message.replace(/\. .*$/s, ''));
  }
}

/** Throws UsageError for an unknown format or level. */
export function readStartOptions(values: {
  readonly 'log-format': string;
  readonly 'log-level'?: string | undefined;
}): StartOptions {
  const { 'log-format': format, 'log-level': level } = values;
  return {
    logFormat: oneOf(LOG_FORMATS, format, '--log-format'),
    logLevel: level === undefined ? null : oneOf(LOG_LEVELS, level, '--log-level'),
  };
}

function oneOf<T extends string>(allowed: readonly T[], value: string, option: string): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new UsageError(`${option} must be one of ${allowed.join(', ')}, received "${value}"`);
  }
  return found;
}
