/** A command's outside world that remembers what it was told. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { CommandContext, RunningApp, StartOptions } from '../../../src/cli/context.ts';
import type { Settings } from '../../../src/model/settings.ts';

export interface FakeWorld {
  readonly context: CommandContext;
  readonly out: string[];
  readonly err: string[];
  /** What the app was started with. */
  readonly started: { readonly settings: Settings; readonly options: StartOptions }[];
  readonly fleet: { running: boolean };
  /** Why it was asked to reload. */
  readonly reloads: string[];
  readonly stopSignals: (() => void)[];
  readonly reloadSignals: (() => void)[];
  readonly handOverSignals: (() => void)[];
}

/** The app ends with `exitCode` when it is stopped. */
export function fakeWorld(overrides: Partial<CommandContext> = {}, exitCode = 0): FakeWorld {
  const world: Omit<FakeWorld, 'context'> = {
    out: [],
    err: [],
    started: [],
    fleet: { running: false },
    reloads: [],
    stopSignals: [],
    reloadSignals: [],
    handOverSignals: [],
  };
  const context: CommandContext = {
    out: (text) => world.out.push(text),
    err: (text) => world.err.push(text),
    env: {},
    terminal: null,
    clock: { now: () => 0, wall: () => 0, at: () => ({ cancel: () => {} }) },
    startApp: async (settings, options) => {
      world.started.push({ settings, options });
      return fakeApp(settings, world.reloads, exitCode);
    },
    startDemoFleet: async () => {
      world.fleet.running = true;
      return {
        stop: async () => {
          world.fleet.running = false;
        },
      };
    },
    onStopSignal: (listener) => world.stopSignals.push(listener),
    onReloadSignal: (listener) => world.reloadSignals.push(listener),
    onHandOverSignal: (listener) => world.handOverSignals.push(listener),
    configFile: (name) => fileURLToPath(new URL(`../../../config/${name}`, import.meta.url)),
    ...overrides,
  };
  return { ...world, context };
}

function fakeApp(settings: Settings, reloads: string[], exitCode: number): RunningApp {
  let exit: (code: number) => void = () => {};
  const exited = new Promise<number>((resolve) => {
    exit = resolve;
  });
  const bound = (name: string, address: RunningApp['listeners'][number]['address']) => ({ name, address });
  return {
    listeners: settings.listeners.flatMap(({ name, bind }) => bind.map((address) => bound(name, address))),
    admin: settings.admin === null ? null : bound('admin', settings.admin.bind),
    reload: async (cause) => {
      reloads.push(cause);
      return { ok: true, generation: 2 };
    },
    handOver: () => reloads.push('hand-over'),
    stop: () => exit(exitCode),
    exited,
  };
}

/** The path of a file with that text, gone after the test. */
export function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'pulsegate-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'test.yaml');
  writeFileSync(file, text);
  return file;
}

export const VALID = `
listeners: [{ bind: "127.0.0.1:8080" }]
upstreams: { app: { backends: ["http://127.0.0.1:3001"] } }
`;
