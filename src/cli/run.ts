/**
 * `pulsegate run`: the proxy in the foreground, until a signal stops it. SIGHUP reads the configuration again; SIGUSR2 starts the program
 * anew and hands over to it; with --watch, a file that changes is read again by itself.
 */

import { CONFIG_OPTION, LOG_OPTIONS, readArguments, readStartOptions } from './args.ts';
import { openConfigFile } from './config-file.ts';
import { ConfigWatch } from './config-watch.ts';
import type { Command, RunningApp } from './context.ts';
import { removePidFile, writePidFile } from './pid-file.ts';

const RUN_OPTIONS = {
  ...CONFIG_OPTION,
  ...LOG_OPTIONS,
  'pid-file': { type: 'string' },
  watch: { type: 'boolean' },
} as const;

export const runCommand: Command = async (args, context) => {
  const { values } = readArguments({ args: [...args], options: RUN_OPTIONS });
  const options = readStartOptions(values);
  const file = openConfigFile(values.config, context);
  if (file === null) return 2;
  const { 'pid-file': pidFile } = values;
  const onServing = () => {
    if (pidFile !== undefined) writePidFile(pidFile);
  };
  // Heard from the first moment on: as soon as others know our pid, a signal without a listener would end us.
  let setStarted: (app: RunningApp) => void = () => {};
  const started = new Promise<RunningApp>((resolve) => {
    setStarted = resolve;
  });
  context.onStopSignal(() => void started.then((app) => app.stop()));
  context.onReloadSignal(() => void started.then((app) => app.reload('SIGHUP')));
  context.onHandOverSignal(() => void started.then((app) => app.handOver()));
  const app = await context.startApp(file.settings, { ...options, source: file, onServing });
  setStarted(app);
  const watch = values.watch
    ? new ConfigWatch({
        files: () => file.files,
        clock: context.clock,
        onChange: () => void app.reload('a changed file'),
      })
    : null;
  const code = await app.exited;
  watch?.close();
  if (pidFile !== undefined) removePidFile(pidFile);
  return code;
};
