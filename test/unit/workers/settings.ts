/** A configuration as a file of few lines gives it. */

import { loadSettings } from '../../../src/config/load.ts';
import type { Settings } from '../../../src/model/settings.ts';

export function configured(workers: number, more = ''): Settings {
  const text = `workers: ${workers}
listeners: [{ bind: "127.0.0.1:0" }]
upstreams: { app: { backends: ["http://127.0.0.1:9"], probe: false } }
${more}`;
  const loaded = loadSettings('test.yaml', text, { env: {}, readFile: () => '' });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.settings;
}
