/** Loading configurations from text, without environment or files unless a test gives some. */

import { type Loaded, loadSettings } from '../../../src/config/load.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import type { Settings } from '../../../src/model/settings.ts';

export const MINIMAL = `
listeners:
  - bind: 127.0.0.1:8080
upstreams:
  app:
    backends: [http://127.0.0.1:3001]
`;

interface World {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

export function load(text: string, { env = {}, files = {} }: World = {}): Loaded {
  return loadSettings('test.yaml', text, {
    env,
    readFile: (path) => {
      const content = files[path];
      if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return content;
    },
  });
}

/** The settings of a text that must be valid. */
export function settingsOf(text: string, world: World = {}): Settings {
  const loaded = load(text, world);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.settings;
}

/** The problems of a text, as `check` prints them. */
export function problemsOf(text: string, world: World = {}): string[] {
  const loaded = load(text, world);
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

/** MINIMAL with `lines` under upstream `app`. */
export function withUpstream(lines: string): string {
  return `${MINIMAL}    ${lines}\n`;
}
