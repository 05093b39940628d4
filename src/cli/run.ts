/** `pulsegate run`: the proxy in the foreground, until a signal stops it. SIGHUP reads the configuration again. */

import { CONFIG_OPTION, LOG_OPTIONS, readArguments, readStartOptions } from './args.ts';
import { openConfigFile } from './config-file.ts';
import type { Command } from './context.ts';

export const runCommand: Command = async (args, context) => {
  const { values } = readArguments({ args: [...args], options: { ...CONFIG_OPTION, ...LOG_OPTIONS } });
  const options = readStartOptions(values);
  const file = openConfigFile(values.config, context);
  if (file === null) return 2;
  const app = await context.startApp(file.settings, { ...options, source: file });
  context.onStopSignal(() => app.stop());
  context.onReloadSignal(() => void app.reload('SIGHUP'));
  return app.exited;
};
