/** `pulsegate check`: validates a configuration; what the proxy would do with it, on one screen. */

import { formatDuration } from '../base/time.ts';
import { redact } from '../config/secrets.ts';
import { formatBind } from '../model/bind-address.ts';
import type { HookSettings } from '../model/hook.ts';
import type { ProbeSettings } from '../model/probe-settings.ts';
import type {
  AdminSettings,
  HealthSettings,
  ListenerSettings,
  RouteSettings,
  Settings,
  UpstreamSettings,
} from '../model/settings.ts';
import { CONFIG_OPTION, readArguments } from './args.ts';
import { loadConfigFile } from './config-file.ts';
import type { Command } from './context.ts';

/** Longer lists end in a count, so that the summary stays on one screen. */
const LISTED = 8;

export const checkCommand: Command = async (args, context) => {
  const { values } = readArguments({ args: [...args], options: CONFIG_OPTION });
  const loaded = loadConfigFile(values.config, context);
  if (loaded === null) return 2;
  context.out(`ok\n\n${redact(summarize(loaded.settings), loaded.secrets)}`);
  return 0;
};

function summarize({ listeners, upstreams, admin, hooks }: Settings): string {
  const lines = [
    ...listed(listeners.map(describeListener), 'listeners'),
    describeAdmin(admin),
    ...listed(upstreams.map(describeUpstream), 'upstreams'),
    ...listed(
      hooks.map((hook) => describeHook(hook, upstreams)),
      'hooks',
    ),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function describeListener({ name, bind, routes }: ListenerSettings): string {
  const where = bind.map(formatBind).join(', ');
  const title = name === where ? where : `${name} (${where})`;
  return `listener ${title}: ${listed(routes.map(describeRoute), 'routes').join('; ')}`;
}

function describeRoute({ host, path, upstream }: RouteSettings): string {
  return `${host ?? ''}${path} -> ${upstream}`;
}

function describeAdmin(admin: AdminSettings | null): string {
  if (admin === null) return 'admin: off';
  return `admin ${formatBind(admin.bind)}: ${admin.token === null ? 'no token' : 'with a token'}`;
}

function describeUpstream({ name, backends, balance, health }: UpstreamSettings): string {
  const ids = listed(
    backends.map(({ id, weight }) => (weight === 1 ? id : `${id} (weight ${weight})`)),
    'backends',
  );
  return `upstream ${name}: ${balance} over ${ids.join(', ')}; ${describeHealth(health)}`;
}

/** Neither URL nor arguments: they may be secret. */
function describeHook({ name, action, on }: HookSettings, upstreams: readonly UpstreamSettings[]): string {
  const what = action.kind === 'webhook' ? 'webhook' : `runs ${action.command[0]}`;
  const alerting = upstreams.filter(({ alerts }) => alerts === null || alerts.includes(name));
  const whose =
    alerting.length === upstreams.length
      ? 'all upstreams'
      : listed(
          alerting.map((upstream) => upstream.name),
          'upstreams',
        ).join(', ') || 'no upstream, as none alerts it';
  return `hook ${name}: ${what} on ${on.join(', ')} of ${whose}`;
}

function describeHealth({ probe, outliers }: HealthSettings): string {
  const probes = probe === null ? 'no probes' : `${describeProbe(probe)} every ${formatDuration(probe.intervalMs)}`;
  const judged = outliers === null ? 'traffic not judged' : `ejects after ${outliers.consecutive} failures in a row`;
  return `${probes}; ${judged}`;
}

function describeProbe(probe: ProbeSettings): string {
  switch (probe.type) {
    case 'http':
      return `${probe.method} ${probe.path}`;
    case 'tcp':
      return probe.expect === null ? 'tcp connect' : `tcp connect and ${JSON.stringify(probe.expect)}`;
    case 'grpc':
      return probe.service === '' ? 'grpc health' : `grpc health of ${probe.service}`;
  }
}

function listed(items: readonly string[], what: string): string[] {
  if (items.length <= LISTED) return [...items];
  return [...items.slice(0, LISTED), `and ${items.length - LISTED} more ${what}`];
}
