#!/usr/bin/env node
/** The program: its commands, and the outside world they run in. */

import { startApp } from './app.ts';
import { beatCommand } from './cli/beat.ts';
import { checkCommand } from './cli/check.ts';
import { completionCommand } from './cli/completion.ts';
import type { Command, CommandContext } from './cli/context.ts';
import { demoCommand } from './cli/demo.ts';
import { dispatch } from './cli/dispatch.ts';
import { eventsCommand } from './cli/events.ts';
import { disableCommand, drainCommand, enableCommand } from './cli/intent.ts';
import { reloadCommand } from './cli/reload.ts';
import { replayCommand } from './cli/replay.ts';
import { runCommand } from './cli/run.ts';
import { schemaCommand } from './cli/schema.ts';
import { simulateCommand } from './cli/simulate.ts';
import { statusCommand } from './cli/status.ts';
import { weightCommand } from './cli/weight.ts';
import { whyCommand } from './cli/why.ts';
import { startDemoFleet } from './demo/fleet.ts';
import { systemClock } from './platform/clock.ts';
import {
  endProcess,
  onHandOverSignal,
  onReloadSignal,
  onStopSignal,
  packageFile,
  processArguments,
  processEnv,
  writeError,
  writeOut,
} from './platform/process.ts';
import { systemTerminal } from './platform/terminal.ts';
import { VERSION } from './platform/version.ts';

const commands = new Map<string, Command>([
  ['run', runCommand],
  ['check', checkCommand],
  ['demo', demoCommand],
  ['status', statusCommand],
  ['why', whyCommand],
  ['drain', drainCommand],
  ['enable', enableCommand],
  ['disable', disableCommand],
  ['weight', weightCommand],
  ['reload', reloadCommand],
  ['events', eventsCommand],
  ['replay', replayCommand(async () => (await import('./sim/replay.ts')).replay)],
  ['simulate', simulateCommand(async () => (await import('./sim/compare-table.ts')).simulate)],
  ['schema', schemaCommand],
  ['completion', completionCommand],
  ['beat', beatCommand],
]);

const context: CommandContext = {
  out: writeOut,
  err: writeError,
  env: processEnv,
  terminal: systemTerminal,
  clock: systemClock,
  startApp,
  startDemoFleet: (settings) => startDemoFleet(settings, { clock: systemClock }),
  onStopSignal,
  onReloadSignal,
  onHandOverSignal,
  configFile: (name) => packageFile(`config/${name}`),
};

endProcess(await dispatch(processArguments, { commands, version: VERSION }, context));
