/** This process: its standard streams, environment, signals and end. The only place that touches them. */

import { fileURLToPath } from 'node:url';

export const processEnv: Readonly<Record<string, string | undefined>> = process.env;

/** `20.19.0` and the like. */
export const nodeVersion: string = process.versions.node;

export const processArguments: readonly string[] = process.argv.slice(2);

// A reader that left (`pulsegate status | head`) costs us the rest of the output, not the process.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

export function writeOut(text: string): void {
  process.stdout.write(text);
}

export function writeError(text: string): void {
  process.stderr.write(text);
}

/** Calls `listener` on SIGINT and SIGTERM, every time; without a listener they end the process. */
export function onStopSignal(listener: () => void): void {
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
}

/** Calls `listener` on SIGHUP, every time; without a listener it ends the process. */
export function onReloadSignal(listener: () => void): void {
  process.on('SIGHUP', listener);
}

/** Calls `listener` on SIGUSR2, every time; without a listener it ends the process. */
export function onHandOverSignal(listener: () => void): void {
  process.on('SIGUSR2', listener);
}

/** Ends the process once stdout has taken what was written to it. */
export function endProcess(code: number): void {
  process.stdout.write('', () => process.exit(code));
}

/** Absolute path of a file of this package, from src/ and dist/ alike. */
export function packageFile(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}
