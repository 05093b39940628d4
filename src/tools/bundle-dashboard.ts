/**
 * Bundles the dashboard's browser sources into dist/dashboard, from where the admin server takes them into memory. Part of
 * `npm run build`. What goes into the bundle is written there too, with its licence.
 */

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = new URL('../../', import.meta.url);
const SOURCES = fileURLToPath(new URL('src/dashboard/', ROOT));
const TARGET = fileURLToPath(new URL('dist/dashboard/', ROOT));

/** Code of others in the bundle. */
const BUNDLED = ['preact', 'uplot'];

mkdirSync(TARGET, { recursive: true });
await build({
  entryPoints: [
    { in: `${SOURCES}main.tsx`, out: 'app' },
    { in: `${SOURCES}styles/all.css`, out: 'app' },
  ],
  outdir: TARGET,
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['chrome123', 'firefox121', 'safari17.5'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  tsconfig: `${SOURCES}tsconfig.json`,
  legalComments: 'none',
  logLevel: 'warning',
});
for (const file of ['index.html', 'icon.svg']) copyFileSync(`${SOURCES}${file}`, `${TARGET}${file}`);
writeFileSync(`${TARGET}LICENSES.txt`, BUNDLED.map(noticeOf).join('\n'));

function noticeOf(name: string): string {
  const read = (file: string) => readFileSync(new URL(`node_modules/${name}/${file}`, ROOT), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { version: string };
  return `${name} ${version}\n\n${read('LICENSE')}`;
}
