/** `pulsegate run`: the proxy in the foreground, until a signal stops it. */

import { CONFIG_OPTION, LOG_OPTIONS, readArguments, readStartOptions } from './args.ts';
import { loadConfigFile } from './config-file.ts';
import type { Command } from './context.ts';

export const runCommand: Command = async (args, context) => {
  const { values } = readArguments({ args: [...args], options: { ...CONFIG_OPTION, ...LOG_OPTIONS } });
  const options = readStartOptions(values);
  const loaded = loadConfigFile(values.config, context);
  if (loaded === null) return 2;
  const app = await context.startApp(loaded.settings, options);
  context.onStopSignal(() => app.stop());
  context.onReloadSignal(() => context.err('Reloading is not available yet: the configuration stays as it is\n'));
  return app.exited;
};
