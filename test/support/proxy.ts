/**
 * The whole proxy in this process, configured in the words of the contract and listening on port 0.
 * Probing and the judging of traffic are off unless a test asks for them: a hostile backend stays in service.
 */

import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { startApp } from '../../src/app.ts';
import type { BoundAddress, RunningApp } from '../../src/cli/context.ts';
import { loadSettings } from '../../src/config/load.ts';

export interface ProxyConfig {
  /** Keys of the only listener, as in the file. */
  readonly listener?: object;
  /** Keys of the upstream `app`, as in the file. */
  readonly upstream?: object;
  /** Origins of the backends of `app`. */
  readonly backends: readonly string[];
  /** Keys of `drain`, as in the file; at once without. */
  readonly drain?: object;
  /** Listen for the admin API, too. */
  readonly admin?: boolean;
}

export interface RunningProxy {
  readonly port: number;
  readonly adminPort: number | null;
  readonly app: RunningApp;
}

export async function startProxy(config: ProxyConfig): Promise<RunningProxy> {
  const { listener, upstream, backends, drain, admin = false } = config;
  const file = {
    log: { level: 'silent', access: false },
    drain: { delay: '0s', timeout: '0s', ...drain },
    listeners: [{ bind: '127.0.0.1:0', ...listener }],
    admin: { bind: admin ? '127.0.0.1:0' : null },
    upstreams: { app: { backends, probe: false, outliers: false, ...upstream } },
  };
  // JSON is YAML, too.
  const loaded = loadSettings('test.yaml', JSON.stringify(file), {
    env: {},
    readFile: (path) => readFileSync(path, 'utf8'),
  });
  if (!loaded.ok) throw new Error(loaded.problems.map((problem) => JSON.stringify(problem)).join('\n'));
  const app = await startApp(loaded.settings, { logLevel: null, logFormat: 'json' });
  onTestFinished(async () => {
    app.stop();
    app.stop();
    await app.exited;
  });
  return { port: portOf(app.listeners[0]), adminPort: app.admin && portOf(app.admin), app };
}

function portOf(bound: BoundAddress | undefined): number {
  if (bound?.address.kind !== 'tcp') throw new Error('not a TCP address');
  return bound.address.port;
}
