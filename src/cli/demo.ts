/** `pulsegate demo`: backends to play with and the proxy in front of them, in one process. */

import { formatBind } from '../model/bind-address.ts';
import type { BindAddress, Settings } from '../model/settings.ts';
import { LOG_OPTIONS, readArguments, readStartOptions } from './args.ts';
import { openConfigFile } from './config-file.ts';
import type { Command, CommandContext, RunningApp } from './context.ts';

export const demoCommand: Command = async (args, context) => {
  const { values } = readArguments({ args: [...args], options: LOG_OPTIONS });
  const options = readStartOptions(values);
  const file = openConfigFile(context.configFile('demo.yaml'), context);
  if (file === null) return 2;
  const { settings } = file;
  const fleet = await context.startDemoFleet(settings);
  try {
    const app = await context.startApp(settings, { ...options, source: file });
    context.onStopSignal(() => app.stop());
    context.onReloadSignal(() => void app.reload('SIGHUP'));
    describe(app, settings, context);
    return await app.exited;
  } finally {
    await fleet.stop();
  }
};

function describe(app: RunningApp, settings: Settings, context: CommandContext): void {
  const proxy = originOf(app.listeners[0]?.address);
  const admin = originOf(app.admin?.address);
  const ids = settings.upstreams.find(({ name }) => name === 'demo')?.backends.map(({ id }) => id) ?? [];
  context.out(`
Pulsegate is serving ${ids.length} demo backends (${ids.join(', ')}) at ${proxy}/

  see who answers         curl ${proxy}/
  see the pool            npx pulsegate status --watch   or  curl ${admin}/health
  ask why                 npx pulsegate why demo/b       or  curl ${admin}/health/demo/b
  break one               curl -X POST ${proxy}/__demo/b/kill     (or hang, slow, fail)
  heal it                 curl -X POST ${proxy}/__demo/b/heal
  take one out gently     npx pulsegate drain demo/b     and back: npx pulsegate enable demo/b

Ctrl-C stops everything.

`);
}

function originOf(address: BindAddress | undefined): string {
  return address === undefined ? 'nowhere' : `http://${formatBind(address)}`;
}
