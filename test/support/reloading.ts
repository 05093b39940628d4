/** The whole proxy in this process, with a configuration that a test changes and reloads. */

import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { startApp } from '../../src/app.ts';
import type { RunningApp } from '../../src/cli/context.ts';
import { loadSettings } from '../../src/config/load.ts';
import type { ReloadOutcome } from '../../src/model/reload.ts';

/** In the file's own keys. */
export type FileKeys = Readonly<Record<string, unknown>>;

export interface ReloadingProxy {
  readonly app: RunningApp;
  /** Ports of the data listeners' addresses, in order. */
  readonly ports: readonly number[];
  readonly adminUrl: string;
  /** Takes these keys over the present ones, and reloads. */
  reload(keys: FileKeys): Promise<ReloadOutcome>;
  /** The same with a whole text, as the file would have it. */
  reloadText(text: string): Promise<ReloadOutcome>;
  get(path: string): Promise<{ status: number; body: string }>;
}

/** Unless a key says otherwise: silent, at once when stopped, port 0 for the listener and the admin API. */
export async function startReloading(keys: FileKeys): Promise<ReloadingProxy> {
  let present: FileKeys = {
    log: { level: 'silent', access: false },
    drain: { delay: '0s', timeout: '5s' },
    listeners: [{ bind: '127.0.0.1:0' }],
    admin: { bind: '127.0.0.1:0' },
    ...keys,
  };
  let text = JSON.stringify(present);
  const load = () => loadSettings('test.yaml', text, { env: {}, readFile: (path) => readFileSync(path, 'utf8') });
  const first = load();
  if (!first.ok) throw new Error(first.problems.map((problem) => JSON.stringify(problem)).join('\n'));
  let { effective } = first;
  const read = () => {
    const loaded = load();
    if (loaded.ok) ({ effective } = loaded);
    return loaded;
  };
  const app = await startApp(first.settings, {
    logLevel: null,
    logFormat: 'json',
    source: { read, effective: () => effective(), redactLine: (line) => line },
  });
  onTestFinished(async () => {
    app.stop();
    app.stop();
    await app.exited;
  });
  const reloadText = (changed: string) => {
    text = changed;
    return app.reload('a test');
  };
  const proxy: ReloadingProxy = {
    app,
    get ports() {
      return app.listeners.map(({ address }) => (address.kind === 'tcp' ? address.port : 0));
    },
    get adminUrl() {
      const address = app.admin?.address;
      return address?.kind === 'tcp' ? `http://127.0.0.1:${address.port}` : '';
    },
    reload(changed) {
      present = { ...present, ...changed };
      return reloadText(JSON.stringify(present));
    },
    reloadText,
    async get(path) {
      const answer = await fetch(`http://127.0.0.1:${proxy.ports[0]}${path}`, { headers: { connection: 'close' } });
      return { status: answer.status, body: await answer.text() };
    },
  };
  return proxy;
}
