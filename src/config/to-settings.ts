/** From the file's names to the program's: the configuration, validated and in units, as `Settings`. Decides nothing. */

import type { HookSettings } from '../model/hook.ts';
import type { AdminSettings, HeartbeatReceiverSettings, LogSettings, Settings } from '../model/settings.ts';
import { toListener } from './listener-settings.ts';
import type { Config } from './schema.ts';
import { toUpstream } from './upstream-settings.ts';

/** @param config valid by itself and by checks.ts */
export function toSettings(config: Config): Settings {
  const upstreamNames = Object.keys(config.upstreams);
  return {
    via: config.via,
    workers: config.workers,
    log: { level: config.log.level, access: toAccess(config.log.access) },
    drain: { delayMs: config.drain.delay, timeoutMs: config.drain.timeout },
    stateFile: config.state_file,
    maxMemory: config.max_memory,
    listeners: config.listeners.map((listener) => toListener(listener, upstreamNames)),
    admin: toAdmin(config.admin),
    heartbeats: toReceiver(config.heartbeats),
    upstreams: Object.entries(config.upstreams).map(([name, upstream]) =>
      toUpstream(name, upstream, config.heartbeats !== null),
    ),
    hooks: Object.entries(config.hooks).map(([name, hook]) => toHook(name, hook)),
  };
}

function toAccess(access: Config['log']['access']): LogSettings['access'] {
  if (access === 'errors') return access;
  return access ? 'all' : 'none';
}

function toAdmin({ bind, token, allowed_hosts }: Config['admin']): AdminSettings | null {
  return bind === null ? null : { bind, token, allowedHosts: allowed_hosts };
}

function toReceiver(heartbeats: Config['heartbeats']): HeartbeatReceiverSettings | null {
  if (heartbeats === null) return null;
  const { bind, udp, keys } = heartbeats;
  return { bind, udp: udp === null ? null : { host: udp.host, port: udp.port }, keys };
}

/** checks.ts has seen to it that either a webhook or a command is there. */
function toHook(name: string, { webhook, exec, secret, headers, ...hook }: Config['hooks'][string]): HookSettings {
  const named = Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value]);
  return {
    name,
    action:
      webhook === null
        ? { kind: 'exec', command: exec as [string, ...string[]] }
        : { kind: 'webhook', url: webhook, secret, headers: Object.fromEntries(named) },
    on: hook.on,
    minIntervalMs: hook.min_interval,
    timeoutMs: hook.timeout,
  };
}
